"""What the engine needs of the world: pods and objects. Tests give it others than the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

Pod = dict[str, Any]


class GoneError(Exception):
    """A watch cannot go on from where it was (HTTP 410): list again."""


class Kube(Protocol):
    """The pods of all namespaces, through the Kubernetes API.

    Each method raises `OSError` when the API cannot be reached or refuses for a passing reason.
    """

    def create(self, pod: Mapping[str, Any]) -> Pod:
        """Create a pod; if one of that name is there already, return that one.

        Raises:
            PermissionError: refused for good (quota, admission, an invalid value); the text says why.
        """

    def delete(self, namespace: str, name: str) -> None:
        """Delete a pod; none of that name is fine."""

    def get(self, namespace: str, name: str) -> Pod | None:
        """Return a pod, None if there is none."""

    def list(self, selector: str) -> tuple[list[Pod], str]:
        """Return the pods with these labels, and the version from which a watch sees what comes after."""

    def watch(self, selector: str, version: str) -> Iterator[tuple[str, Pod]]:
        """Yield `(ADDED|MODIFIED|DELETED|BOOKMARK, pod)` until the server ends the watch.

        Raises:
            GoneError: the version is too old.
        """


class Objects(Protocol):
    """The object store. Each method raises `OSError` when it cannot be reached."""

    def get(self, uri: str) -> bytes | None:
        """Return an object's content, None if there is none."""
