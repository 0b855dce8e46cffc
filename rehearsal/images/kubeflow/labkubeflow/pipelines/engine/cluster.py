"""Pods, through the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labkubeflow.common.kube import Kube as Client
from labkubeflow.common.kube import KubeError
from labkubeflow.pipelines.engine.ports import GoneError, Pod

_FINAL = (400, 403, 404, 405, 422)
"""Answers that will be the same next time."""


class Pods:
    """The pods of all namespaces; see `ports.Kube`.

    Args:
        client: of the API. It needs the verbs get, list, watch, create and delete for pods.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, pod: Mapping[str, Any]) -> Pod:
        """Create a pod; if one of that name is there already, return that one.

        Raises:
            PermissionError: refused for good.
            OSError: try again.
        """
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        try:
            return self._client.request("POST", f"/api/v1/namespaces/{namespace}/pods", dict(pod))
        except KubeError as error:
            if error.reason == "AlreadyExists":
                found = self.get(namespace, name)
                if found is not None:
                    return found
            if error.status in _FINAL:
                raise PermissionError(str(error)) from error
            raise OSError(str(error)) from error

    def delete(self, namespace: str, name: str) -> None:
        """Delete a pod; none of that name is fine.

        Raises:
            OSError: try again.
        """
        self._ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}")

    def get(self, namespace: str, name: str) -> Pod | None:
        """Return a pod, None if there is none.

        Raises:
            OSError: try again.
        """
        return self._ask("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")

    def list(self, selector: str) -> tuple[list[Pod], str]:
        """Return the pods with these labels, and the version from which a watch sees what comes after.

        Raises:
            OSError: try again.
        """
        try:
            answer = self._client.request("GET", "/api/v1/pods", query={"labelSelector": selector})
        except KubeError as error:
            raise OSError(str(error)) from error
        return answer["items"] or [], answer["metadata"]["resourceVersion"]

    def watch(self, selector: str, version: str) -> Iterator[tuple[str, Pod]]:
        """Yield `(ADDED|MODIFIED|DELETED|BOOKMARK, pod)` until the server ends the watch.

        Raises:
            GoneError: the version is too old.
            OSError: try again.
        """
        query = {"labelSelector": selector, "resourceVersion": version}
        try:
            yield from self._client.watch("/api/v1/pods", query=query)
        except KubeError as error:
            if error.status == 410:
                raise GoneError(str(error)) from error
            raise OSError(str(error)) from error

    def _ask(self, method: str, path: str) -> Pod | None:
        try:
            return self._client.request(method, path)
        except KubeError as error:
            if error.status == 404:
                return None
            raise OSError(str(error)) from error
