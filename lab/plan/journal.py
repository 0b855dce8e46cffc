"""The journal: what was done when, and how long it took.

It serves people and timings alone. Whether a step still has to be carried out is
decided by the step's own check, never by what is written here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lab.files import replace_file

SCHEMA = 1


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Entry:
    """The last run of one step."""

    state: str
    """``running``, ``done``, ``satisfied``, ``failed`` or ``interrupted``."""
    started: str
    ended: str | None = None
    seconds: float | None = None
    attempts: int = 0
    fingerprint: str = ""


class Journal:
    """What is known of each step's last run, kept in a file."""

    def __init__(
        self, path: Path, *, notice: Callable[[str], None], now: Callable[[], datetime] = utc_now
    ) -> None:
        """Read the journal.

        Args:
            path: Its file, which need not be there.
            notice: Called with a sentence for the user if the file was damaged and has been set aside,
                or can no longer be written.
            now: The clock.
        """
        self._path = path
        self._now = now
        self._notice = notice
        self._lost = False
        self._entries = self._read()

    @property
    def entries(self) -> dict[str, Entry]:
        """The last run of each step, by name."""
        return dict(self._entries)

    def was_begun(self, step: str) -> bool:
        """Whether the last run of a step did not end well, so that part of its work may be done."""
        entry = self._entries.get(step)
        return entry is not None and entry.state not in ("done", "satisfied")

    def start(self, step: str, fingerprint: str) -> None:
        """Write down that a step begins."""
        self._entries[step] = Entry(state="running", started=self._stamp(), fingerprint=fingerprint)
        self._write()

    def end(self, step: str, state: str, *, seconds: float, attempts: int) -> None:
        """Write down how a step ended."""
        entry = self._entries[step]
        self._entries[step] = replace(
            entry, state=state, ended=self._stamp(), seconds=round(seconds, 1), attempts=attempts
        )
        self._write()

    def satisfied(self, step: str, fingerprint: str) -> None:
        """Write down that there was nothing to do; the time of the run that did it stays."""
        entry = self._entries.get(step)
        if entry is None or entry.state not in ("done", "satisfied"):
            now = self._stamp()
            self._entries[step] = Entry(state="satisfied", started=now, ended=now, fingerprint=fingerprint)
            self._write()

    def clear(self) -> None:
        """Forget everything."""
        self._entries = {}
        self._write()

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _write(self) -> None:
        data = {"schema": SCHEMA, "steps": {name: asdict(entry) for name, entry in self._entries.items()}}
        if self._lost:
            return
        try:
            replace_file(self._path, json.dumps(data, indent=2) + "\n")
        except OSError as error:
            # What is done in the guest is worth more than a note of it.
            self._lost = True
            why = error.strerror or str(error)
            self._notice(f"The journal can no longer be written ({why}); the work goes on.")

    def _read(self) -> dict[str, Entry]:
        try:
            return _parse(self._path)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            aside = self._path.with_name(f"{self._path.name}.damaged")
            self._path.replace(aside)
            self._notice(
                f"The journal could not be read ({error}); it is now '{aside}'. Nothing is lost by that."
            )
            return {}


def read_entries(path: Path) -> dict[str, Entry]:
    """Return what a journal says, without changing it; nothing if it is damaged."""
    try:
        return _parse(path)
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _parse(path: Path) -> dict[str, Entry]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if data["schema"] != SCHEMA:
        raise ValueError(f"it has the format {data['schema']}, not {SCHEMA}")
    return {name: Entry(**entry) for name, entry in data["steps"].items()}
