"""A command of the lab at work, followed by its events, so that it can be disturbed at a chosen moment."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.testing.waiting import Pending, wait_until
from tests.faults.background import running

Event = dict[str, Any]

INTERVAL = 0.1
END_SECONDS = 60.0


@dataclass
class Engine:
    """A command that runs.

    Attributes:
        process: The command.
        events: The file that it tells events into.
        output: The file with all that it says.
    """

    process: subprocess.Popen[bytes]
    events: Path
    output: Path
    _seen: list[Event] = field(default_factory=list)

    def wait_for(self, wanted: Callable[[Event], bool], what: str, *, deadline: float) -> Event:
        """Wait until the command tells of an event, and return it; each event is looked at once."""

        def look() -> Event | Pending:
            ended = self.process.poll() is not None
            events = self.told()
            for event in events[len(self._seen) :]:
                self._seen.append(event)
                if wanted(event):
                    return event
            assert not ended, f"it ended before {what}:\n{self.said()}"
            return Pending(str(events[-1:]))

        return wait_until(look, what=what, deadline=deadline, interval=INTERVAL)

    def told(self) -> list[Event]:
        """Return all events so far; a line that is being written is left for the next time."""
        if not self.events.exists():
            return []
        lines = self.events.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def said(self) -> str:
        """Return what it printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it as a power cut would, and nothing but it."""
        self.process.kill()
        assert self.process.wait(END_SECONDS) == -signal.SIGKILL

    def end(self, *, deadline: float) -> int:
        """Wait for its own end and return the exit code."""

        def look() -> int | Pending:
            code = self.process.poll()
            return Pending("running") if code is None else code

        return wait_until(look, what="the command to end", deadline=deadline, interval=INTERVAL)


@contextlib.contextmanager
def start(argv: Sequence[str], *, cwd: Path, events: Path, output: Path) -> Iterator[Engine]:
    """Run a command until the block ends; what is left of it then is stopped."""
    events.unlink(missing_ok=True)
    with running(
        [*argv, "--events", str(events)],
        cwd=cwd,
        output=output,
        ending=signal.SIGTERM,
        seconds=END_SECONDS,
    ) as process:
        yield Engine(process, events, output)
