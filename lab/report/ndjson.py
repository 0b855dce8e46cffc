"""Events for programs: one JSON object a line."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from lab.errors import UsageError
from lab.report.events import Event

SCHEMA = 1
"""Grows when a field or an event goes, or changes its meaning; new ones may come at any time."""

READER_SECONDS = 10.0
"""How long a reader may take: to come, for a named pipe, and to go on reading."""

_ATOMIC = 4096
"""As much as a pipe that can be written to takes at once (PIPE_BUF of Linux)."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Envelope:
    """What each line of one run says, besides the event itself."""

    lab: str
    edition: str
    command: str
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    def wrap(self, event: Event, now: datetime) -> dict[str, object]:
        """Return an event as plain data."""
        return {
            "schema": SCHEMA,
            "time": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "run": self.run,
            "lab": self.lab,
            "edition": self.edition,
            "command": self.command,
            "event": event_name(type(event)),
            **asdict(event),
        }


def event_name(kind: type) -> str:
    """Return what programs call a kind of event: ``task-started`` for `TaskStarted`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


class EventWriter:
    """Writes each event as it happens."""

    what = "The events"

    def __init__(
        self, descriptor: int, envelope: Envelope, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        """Prepare.

        Args:
            descriptor: Where to write.
            envelope: What each line says, besides the event itself.
            now: The clock.
        """
        self._descriptor = descriptor
        self._envelope = envelope
        self._now = now

    def __call__(self, event: Event) -> None:
        """Write an event.

        Raises:
            OSError: The disk is full, or the reader has gone or stands still.
        """
        line = json.dumps(self._envelope.wrap(event, self._now()), ensure_ascii=False) + "\n"
        self._write(line.encode("utf-8", errors="replace"))

    def _write(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while data:
            if not poll.poll(READER_SECONDS * 1000):
                raise TimeoutError("their reader stands still")
            written = os.write(self._descriptor, data[:_ATOMIC])
            data = data[written:]


@contextmanager
def open_events(file: str | None, envelope: Envelope) -> Iterator[tuple[EventWriter, ...]]:
    """Open the file for the events, if there is to be one.

    Args:
        file: A path; ``-`` for standard output, ``None`` or nothing for no events.
        envelope: What each line says, besides the event itself.

    Raises:
        UsageError: It cannot be written.
    """
    if not file:
        yield ()
    elif file == "-":
        sys.stdout.flush()
        yield (EventWriter(sys.stdout.fileno(), envelope),)
    else:
        descriptor = _open(file)
        try:
            yield (EventWriter(descriptor, envelope),)
        finally:
            os.close(descriptor)


def _open(file: str) -> int:
    deadline = time.monotonic() + READER_SECONDS
    while True:
        try:
            # Without O_NONBLOCK a named pipe that nobody reads would hold the command for ever.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(file, flags, 0o600)
            break
        except OSError as error:
            if error.errno == errno.ENXIO and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise UsageError(
                f"The events cannot be written to '{file}': {error.strerror}.",
                code="LAB-EVT-001",
                hint="Name a file that you may write (--events or LAB_EVENTS); '-' is standard output.",
            ) from None
    os.set_blocking(descriptor, True)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)
    return descriptor
