"""The models' log: the latest entries in memory, all of them in a file on the controller's volume."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_KEPT = 5000


@dataclass(frozen=True)
class Entry:
    """One line of the log."""

    number: int
    at: float
    model: str
    entity: str
    level: str
    module: str
    message: str


class Logbook:
    """Entries of all models in order.

    Args:
        path: where they are kept; None keeps them in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._number = 0
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines()[-_KEPT:]:
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError):
                    # A line cut short when the machine was switched off.
                    continue
                self._entries.append(entry)
                self._number = entry.number

    def write(self, at: float, model: str, entity: str, level: str, message: str) -> None:
        """Add an entry about a unit or the model."""
        self._number += 1
        module = f"unit.{entity.removeprefix('unit-').replace('-0', '/0')}.juju-log"
        if entity == "controller-0":
            module = "juju.worker.caasapplicationprovisioner"
        entry = Entry(self._number, at, model, entity, level, module, message)
        self._entries.append(entry)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(entry)) + "\n")

    def read(
        self, model: str, *, after: int = 0, last: int = 0, level: str = "TRACE", include: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Entries of a model after a number, of at least a level; only the last few if asked so."""
        lowest = LEVELS.index(level)
        patterns = [f"unit-{item.replace('/', '-')}" if "/" in item else item for item in include]
        found = [
            asdict(entry)
            for entry in self._entries
            if entry.model == model
            and entry.number > after
            and LEVELS.index(entry.level) >= lowest
            and (not patterns or any(fnmatchcase(entry.entity, pattern) for pattern in patterns))
        ]
        return found[-last:] if last else found
