"""Events: what happens while the lab works, told to whoever subscribed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Started:
    """Work begins: ``total`` tasks are ahead."""

    title: str
    banner: str
    total: int


@dataclass(frozen=True)
class Expected:
    """How long the work ahead usually takes on this host, as earlier runs say."""

    seconds: float


@dataclass(frozen=True)
class TaskStarted:
    """A task begins. A task is a step of the sequence, or something the host does around it.

    Attributes:
        name: Stable ID of the kind of task.
        title: What people read.
        index: Its number, from 1.
        total: The number of tasks.
        fingerprint: Changes when what the task does changes; empty where that is not known.
        usual_seconds: How long it usually takes on this host; ``None`` without earlier runs.
        left_seconds: The same of this task and all that are ahead of it.
    """

    name: str
    title: str
    index: int
    total: int
    fingerprint: str = ""
    usual_seconds: float | None = None
    left_seconds: float | None = None


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
        tail: The last lines the script wrote.
        fingerprint: That of its start, or better known by now.
        partial: Whether an earlier run may have done part of it, so that its time is not the whole's.
    """

    name: str
    title: str
    index: int
    total: int
    outcome: str
    seconds: float
    attempts: int = 1
    tail: tuple[str, ...] = ()
    fingerprint: str = ""
    partial: bool = False


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
    Started
    | Expected
    | TaskStarted
    | AttemptStarted
    | Output
    | Progress
    | Waiting
    | TaskEnded
    | Notice
    | Result
    | Ended
)
Subscriber = Callable[[Event], None]


class Writer(Protocol):
    """A subscriber that writes files.

    Attributes:
        what: What it writes, as the start of a sentence.
    """

    what: str

    def __call__(self, event: Event) -> None:
        """Write what belongs into the files.

        Raises:
            OSError: Nothing can be written any more.
        """
        ...


class Bus:
    """Hands each event to every subscriber, in order."""

    def __init__(self, *subscribers: Subscriber, writers: Iterable[Writer] = ()) -> None:
        """Prepare.

        Args:
            subscribers: Those who must be told.
            writers: Those who are told first, as long as they can write. The work goes on without them.
        """
        self._subscribers = subscribers
        self._writers = list(writers)

    def __call__(self, event: Event) -> None:
        """Tell everybody."""
        lost: list[Notice] = []
        for writer in tuple(self._writers):
            try:
                writer(event)
            except OSError as error:
                self._writers.remove(writer)
                why = error.strerror or str(error)
                lost.append(Notice(f"{writer.what} can no longer be written ({why}); the work goes on."))
        for subscriber in self._subscribers:
            subscriber(event)
        for notice in lost:
            self(notice)
