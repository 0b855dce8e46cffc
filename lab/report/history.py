"""How long tasks took on this host: kept over all labs, for the estimate of the next run."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from lab.config import cache_dir
from lab.files import replace_file
from lab.report.events import Event, TaskEnded

SCHEMA = 1
RECENT = 7
"""Of how many runs the median is taken; older ones may stem from another disk or another network."""

LARGEST = 512 * 1024
"""Bytes of the file at which the older half of its records is dropped."""

_LOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Circumstances:
    """What the time of a task depends on, besides the task.

    Attributes:
        edition: What is installed.
        acceleration: What carries the machine: ``kvm``, ``qemu`` (emulation) or ``virtualbox``.
        cpus: Processors of the VM.
    """

    edition: str
    acceleration: str
    cpus: int


@dataclass(frozen=True)
class Record:
    """One task of an earlier run.

    Attributes:
        task: Its name.
        fingerprint: Changes when what the task does changes; may be empty.
        outcome: ``done`` or ``satisfied``.
        seconds: How long it took.
        time: When it ended, in ISO 8601.
    """

    circumstances: Circumstances
    task: str
    fingerprint: str
    outcome: str
    seconds: float
    time: str


def history_file() -> Path:
    """Return the file of this user's records."""
    return cache_dir() / "history" / "tasks.ndjson"


class History:
    """The records of one user on one host."""

    what = "The times for later estimates"

    def __init__(self, path: Path, circumstances: Circumstances) -> None:
        """Read the records.

        Args:
            path: Their file, which need not be there.
            circumstances: Of the run that is going on; records made under other ones are left aside.
        """
        self._path = path
        self._circumstances = circumstances
        self._records = [record for record in read_records(path) if record.circumstances == circumstances]

    def usual(self, task: str, fingerprint: str) -> float | None:
        """Return how many seconds a task usually takes; ``None`` if nothing is known of it."""
        return usual_seconds(self._records, task, fingerprint)

    def __call__(self, event: Event) -> None:
        """Keep the time of a task that ended well and was not begun by an earlier run.

        Raises:
            OSError: It cannot be written.
        """
        if not isinstance(event, TaskEnded) or event.partial or event.outcome not in ("done", "satisfied"):
            return
        if event.outcome == "satisfied" and self.usual(event.name, event.fingerprint) is not None:
            # That a task is sometimes needless says nothing about its time.
            return
        record = Record(
            self._circumstances,
            event.name,
            event.fingerprint,
            event.outcome,
            round(event.seconds, 1),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._records.append(record)
        _append(self._path, record)


def usual_seconds(records: Iterable[Record], task: str, fingerprint: str) -> float | None:
    """Return the median of a task's recent times.

    Times of a task that is still the same count before those of its older forms. A task that
    was never anything but satisfied takes no time.

    Args:
        records: Of equal circumstances, the oldest first.
        task: The task's name.
        fingerprint: The form in which it is about to be carried out.
    """
    of_task = [record for record in records if record.task == task]
    same = [record for record in of_task if record.fingerprint == fingerprint]
    for group in (same, of_task):
        if done := [record.seconds for record in group if record.outcome == "done"]:
            return statistics.median(done[-RECENT:])
    return 0.0 if of_task else None


def read_records(path: Path) -> list[Record]:
    """Return all records of a file, the oldest first; lines that are damaged are left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [record for line in text.splitlines() if (record := _parse(line)) is not None]


def _parse(line: str) -> Record | None:
    try:
        data = json.loads(line)
        if data.pop("schema") != SCHEMA:
            return None
        circumstances = Circumstances(**data.pop("circumstances"))
        record = Record(circumstances=circumstances, **data)
        return record if record.seconds >= 0 else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _append(path: Path, record: Record) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The newline comes first: half a line, left by a full disk, spoils no other.
    line = "\n" + json.dumps({"schema": SCHEMA, **asdict(record)})
    with FileLock(path.with_suffix(".lock"), timeout=_LOCK_SECONDS, mode=0o600):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(line.encode())
        if path.stat().st_size > LARGEST:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            replace_file(path, "\n".join(lines[len(lines) // 2 :]))


Usual = Callable[[str, str], float | None]
"""Says how many seconds a task usually takes, from its name and its fingerprint."""


def nothing_known(_task: str, _fingerprint: str) -> float | None:
    """Know no task's usual time."""
    return None
