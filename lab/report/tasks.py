"""Tasks: numbered pieces of work, each timed, each told about as it begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.errors import Interrupted
from lab.report.events import Progress, Started, Subscriber, TaskEnded, TaskStarted, Waiting


@dataclass
class Task:
    """A running task.

    Attributes:
        outcome: How it ended; ``done`` unless something says otherwise.
        attempts: How often it was tried.
        tail: The last lines of output, shown if it fails.
    """

    name: str
    title: str
    _emit: Subscriber
    outcome: str = "done"
    attempts: int = 1
    tail: tuple[str, ...] = ()
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Announce the work.

        Args:
            emit: Is told of everything.
            title: What the work is, in a few words.
            banner: The edition's word of warning, if it has one.
            total: The number of tasks.
            again: The command that goes on after an interruption.
            clock: Seconds that only go forward.
        """
        self.emit = emit
        self.clock = clock
        self.timings: list[Timing] = []
        self._total = total
        self._again = again
        self._index = 0
        emit(Started(title, banner, total))

    @contextmanager
    def task(self, name: str, title: str) -> Iterator[Task]:
        """Carry out one task, timed.

        Raises:
            Interrupted: The user interrupted it.
        """
        self._index += 1
        self.emit(TaskStarted(name, title, self._index, self._total))
        task = Task(name, title, self.emit)
        started = self.clock()
        try:
            yield task
        except KeyboardInterrupt:
            task.outcome = "interrupted"
            raise Interrupted(
                f"Interrupted in task {self._index} of {self._total}, '{title}'.",
                code="LAB-INT-001",
                hint=f"This goes on from there: {self._again}",
            ) from None
        except BaseException:
            task.outcome = "failed"
            raise
        finally:
            self._end(task, self.clock() - started)

    def satisfied(self, name: str, title: str) -> None:
        """Tell of a task that needs nothing done."""
        self._index += 1
        self._end(Task(name, title, self.emit, outcome="satisfied", attempts=0), 0.0)

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
            )
        )
