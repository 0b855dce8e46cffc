"""Events: what happens while the lab works, told to whoever subscribed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Started:
    """Work begins: ``total`` tasks are ahead."""

    title: str
    banner: str
    total: int


@dataclass(frozen=True)
class TaskStarted:
    """A task begins. A task is a step of the sequence, or something the host does around it."""

    name: str
    title: str
    index: int
    total: int


@dataclass(frozen=True)
class AttemptStarted:
    """A step's script is about to be run."""

    name: str
    action: str
    attempt: int
    attempts: int


@dataclass(frozen=True)
class Output:
    """A line that a step's script wrote."""

    name: str
    line: str


@dataclass(frozen=True)
class Progress:
    """Part of a task is done."""

    name: str
    done: int
    total: int
    text: str


@dataclass(frozen=True)
class Waiting:
    """What a task is waiting for."""

    name: str
    text: str


@dataclass(frozen=True)
class TaskEnded:
    """A task has come to its end.

    Attributes:
        outcome: ``done``, ``satisfied`` (there was nothing to do), ``failed`` or ``interrupted``.
        tail: The last lines the script wrote, if the task failed.
    """

    name: str
    title: str
    index: int
    total: int
    outcome: str
    seconds: float
    attempts: int = 1
    tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notice:
    """Something the user should know, which does not stop the work."""

    text: str


@dataclass(frozen=True)
class Result:
    """What came of the command, in words for people. It may have several lines."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The command has come to its end; no event follows.

    Attributes:
        outcome: ``done``, ``failed`` or ``interrupted``.
        seconds: How long it took.
        exit_code: What the command exits with.
        code: The error's stable ID; empty if there was none.
        message: What happened, in one sentence.
        hint: What to do about it.
        log: The file with the details.
    """

    outcome: str
    seconds: float
    exit_code: int
    code: str = ""
    message: str = ""
    hint: str = ""
    log: str = ""


Event = (
    Started | TaskStarted | AttemptStarted | Output | Progress | Waiting | TaskEnded | Notice | Result | Ended
)
Subscriber = Callable[[Event], None]


class Bus:
    """Hands each event to every subscriber, in order."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers

    def __call__(self, event: Event) -> None:
        """Tell everybody."""
        for subscriber in self._subscribers:
            subscriber(event)
