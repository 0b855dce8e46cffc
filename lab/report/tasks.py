"""Tasks: numbered pieces of work, each timed, each told about as it begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab.errors import INTERRUPTED, Interrupted
from lab.report.events import Expected, Progress, Started, Subscriber, TaskEnded, TaskStarted, Waiting
from lab.report.history import Usual, nothing_known


@dataclass
class Task:
    """A running task.

    Attributes:
        outcome: How it ended; ``done`` unless something says otherwise.
        attempts: How often it was tried.
        tail: The last lines of output, shown if it fails.
        fingerprint: Changes when what it does changes.
        partial: Whether an earlier run may have done part of it.
    """

    name: str
    title: str
    _emit: Subscriber
    outcome: str = "done"
    attempts: int = 1
    tail: tuple[str, ...] = ()
    fingerprint: str = ""
    partial: bool = False
    _told: Waiting | Progress | None = None

    def waiting(self, text: str) -> None:
        """Tell what is being waited for, if that is news."""
        self._tell(Waiting(self.name, text))

    def progress(self, done: int, total: int, text: str) -> None:
        """Tell how much is done, if that is news."""
        self._tell(Progress(self.name, done, total, text))

    def _tell(self, event: Waiting | Progress) -> None:
        if event != self._told:
            self._told = event
            self._emit(event)


@dataclass(frozen=True)
class Timing:
    """How long a task took."""

    name: str
    title: str
    outcome: str
    seconds: float
    attempts: int
    usual_seconds: float | None = None


class Tasks:
    """The tasks of one command."""

    def __init__(
        self,
        emit: Subscriber,
        *,
        title: str,
        banner: str,
        total: int,
        again: str,
        usual: Usual = nothing_known,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Announce the work.

        Args:
            emit: Is told of everything.
            title: What the work is, in a few words.
            banner: The edition's word of warning, if it has one.
            total: The number of tasks.
            again: The command that goes on after an interruption.
            usual: Says how long a task usually takes.
            clock: Seconds that only go forward.
        """
        self.emit = emit
        self.clock = clock
        self.timings: list[Timing] = []
        self._total = total
        self._again = again
        self._usual = usual
        self._ahead: list[tuple[str, float | None]] = []
        self._index = 0
        emit(Started(title, banner, total))

    def expect(self, ahead: Sequence[tuple[str, str]]) -> None:
        """Say which tasks will really have to be carried out, as soon as that is known.

        Args:
            ahead: The name and the fingerprint of each, in their order.
        """
        news = not self._ahead
        self._ahead = [(name, self._usual(name, fingerprint)) for name, fingerprint in ahead]
        seconds = self._left()
        if news and seconds:
            self.emit(Expected(seconds))

    @contextmanager
    def task(self, name: str, title: str, fingerprint: str = "") -> Iterator[Task]:
        """Carry out one task, timed.

        Args:
            name: Stable ID of the kind of task; its times are kept under it.
            title: What people read.
            fingerprint: Changes when what the task does changes.

        Raises:
            Interrupted: The user interrupted it.
        """
        self._index += 1
        self._advance(name)
        usual = self._ahead[0][1] if self._ahead else self._usual(name, fingerprint)
        self.emit(TaskStarted(name, title, self._index, self._total, fingerprint, usual, self._left()))
        task = Task(name, title, self.emit, fingerprint=fingerprint)
        started = self.clock()
        try:
            yield task
        except KeyboardInterrupt:
            task.outcome = "interrupted"
            raise Interrupted(
                f"Interrupted in task {self._index} of {self._total}, '{title}'.",
                code=INTERRUPTED,
                hint=f"This goes on from there: {self._again}",
            ) from None
        except BaseException:
            task.outcome = "failed"
            raise
        finally:
            self._end(task, round(self.clock() - started, 3))

    def satisfied(self, name: str, title: str, fingerprint: str = "") -> None:
        """Tell of a task that needs nothing done."""
        self._index += 1
        self._end(Task(name, title, self.emit, outcome="satisfied", attempts=0, fingerprint=fingerprint), 0.0)

    def _advance(self, name: str) -> None:
        """Forget what was expected before the task of that name; all, if it was not expected itself."""
        names = [expected for expected, _ in self._ahead]
        self._ahead = self._ahead[names.index(name) :] if name in names else []

    def _left(self) -> float | None:
        """Return how long the tasks ahead usually take.

        ``None`` if that is not known of each: a part would be taken for the whole.
        """
        known = [usual for _, usual in self._ahead if usual is not None]
        return round(sum(known), 1) if known and len(known) == len(self._ahead) else None

    def _end(self, task: Task, seconds: float) -> None:
        self.timings.append(Timing(task.name, task.title, task.outcome, seconds, task.attempts))
        self.emit(
            TaskEnded(
                task.name,
                task.title,
                self._index,
                self._total,
                task.outcome,
                seconds,
                task.attempts,
                task.tail,
                task.fingerprint,
                task.partial,
            )
        )
