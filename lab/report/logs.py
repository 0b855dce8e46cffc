"""Log files: one a step, holding everything its script wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lab.report.events import AttemptStarted, Event, Notice, Output, Progress, TaskEnded, Waiting


def log_path(directory: Path, name: str) -> Path:
    """Return the log file of a step."""
    return directory / f"{name}.log"


class LogWriter:
    """Appends events to the log files of a lab; older runs stay above."""

    what = "The log files"

    def __init__(self, directory: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._directory = directory
        self._now = now
        self._open: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Write what belongs into a log."""
        match event:
            case AttemptStarted():
                self._open.add(event.name)
                tries = f", attempt {event.attempt} of {event.attempts}" if event.attempts > 1 else ""
                self._append(event.name, f"=== {self._stamp()} {event.name} {event.action}{tries}")
            case Output():
                self._append(event.name, event.line)
            # What the host does runs no script, and has no log.
            case Waiting() if event.name in self._open:
                self._append(event.name, f"::waiting {event.text}")
            case Progress() if event.name in self._open:
                self._append(event.name, f"::progress {event.done}/{event.total} {event.text}")
            case TaskEnded() if event.name in self._open:
                self._append(event.name, f"=== {self._stamp()} {event.outcome}, {event.seconds:.1f} s")
            case Notice():
                self._append("lab", f"{self._stamp()} {event.text}")
            case _:
                pass

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _append(self, name: str, line: str) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        path = log_path(self._directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as stream:
            stream.write(f"{line}\n")
