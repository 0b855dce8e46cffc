"""What the handlers of requests share: the request as they see it, and what they work with."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from labkubeflow.pipelines.api.access import Access
from labkubeflow.pipelines.api.errors import invalid
from labkubeflow.pipelines.api.messages import read
from labkubeflow.pipelines.model import JsonObject
from labkubeflow.pipelines.store import Stores


class Runner(Protocol):
    """The part of `labkubeflow.pipelines.engine.Engine` that requests need."""

    def validate(
        self, spec: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, root: str = "", /
    ) -> None:
        """Say whether a compiled pipeline can be run."""

    def submit(self, run_id: str) -> None:
        """Begin a run."""

    def terminate(self, run_id: str) -> None:
        """End a run."""

    def forget(self, run_id: str) -> None:
        """Delete what a run has left in the cluster."""


def _new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Service:
    """What a handler works with.

    Attributes:
        wake: tells the scheduler that recurring runs have changed.
        now: seconds since 1970.
    """

    stores: Stores
    engine: Runner
    access: Access
    wake: Callable[[], None]
    now: Callable[[], float] = time.time
    new_id: Callable[[], str] = _new_id


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        user: who asks.
        path: the variable parts of the path.
        query: the parameters of the address.
        body: as it was sent.
        file: name and content of an uploaded file.
    """

    user: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: tuple[str, bytes] | None = None

    def message(self, name: str) -> JsonObject:
        """Return the body as a message.

        Raises:
            ApiError: it is none.
        """
        try:
            data = json.loads(self.body, parse_constant=_no_number)
            # Half a character, written as \\ud800, could be kept but not be sent again.
            json.dumps(data, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise invalid(f"the body is not JSON: {error}") from error
        return read(name, data)

    def only(self, known: Collection[str]) -> None:
        """Refuse parameters of the address that would be ignored.

        Raises:
            ApiError: there is one.
        """
        for name in self.query:
            if name not in known:
                raise invalid(f'unknown parameter "{name}"')


def _no_number(word: str) -> float:
    """Refuse what Python, but not JSON, takes for a number."""
    raise ValueError(f"{word} is no number")


Handler = Callable[[Service, Call], JsonObject]
