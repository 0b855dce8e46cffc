"""What is known of each snapshot, and the files on the host that belong to it.

The snapshots themselves are with the machine. A lab also consists of files here (journal, versions), which
have to go back in time with the machine.
"""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lab.errors import UsageError
from lab.files import replace_file

SCHEMA = 1
DIRECTORY = "snapshots"

# Ports, edition and SSH keys belong to the machine, whatever its state.
KEPT_FILES = ("journal.json", "lab.lock")

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Checkpoint:
    """A snapshot, as far as it is known.

    Attributes:
        name: Its name.
        created: When it was saved, in ISO 8601; empty if nobody wrote it down.
        edition: The edition of the lab.
        machine: What the machine did then: ``running`` or ``off``.
        ready: Whether every layer was ready; ``None`` if that is not known.
        trouble: Why not.
        contents: What was in it, in a few words.
        size: Bytes of memory that it holds; ``None`` if that is not known.
    """

    name: str
    created: str = ""
    edition: str = ""
    machine: str = ""
    ready: bool | None = None
    trouble: str = ""
    contents: str = ""
    size: int | None = None

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data, for ``--json``."""
        return asdict(self)


def check_name(name: str) -> str:
    """Return a name that a snapshot can have.

    Raises:
        UsageError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"A snapshot cannot be called '{name}'.",
            code="LAB-SNAP-001",
            hint="Use 1 to 40 lower-case letters, digits, '.', '_' and '-', such as lesson-3; "
            "a letter or digit first and last.",
        )
    return name


def find_name(name: str, names: Iterable[str]) -> str:
    """Return the name of a snapshot that is there.

    Raises:
        UsageError: There is none of that name.
    """
    there = sorted(names)
    if name in there:
        return name
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.4)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    raise UsageError(
        f"There is no snapshot '{name}'.",
        code="LAB-SNAP-002",
        hint=f"{guess}Snapshots: {', '.join(there)}."
        if there
        else "There are no snapshots yet. This saves one: python -m lab snapshot save NAME",
    )


class Checkpoints:
    """Keeps what is known of a lab's snapshots in its state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._directory = state_dir / DIRECTORY

    def get(self, name: str) -> Checkpoint:
        """Return what is known of a snapshot; little, if its file is not there or damaged."""
        try:
            data: Any = json.loads(self._file(name).read_text(encoding="utf-8"))
            known = {field.name for field in fields(Checkpoint)}
            if data.get("schema") == SCHEMA:
                return Checkpoint(**{key: value for key, value in data.items() if key in known})
        except (OSError, ValueError, AttributeError, TypeError):
            pass
        return Checkpoint(name)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write down what is known of a snapshot, and keep the files that belong to it."""
        kept = self._kept(checkpoint.name)
        shutil.rmtree(kept, ignore_errors=True)
        for directory in (self._directory, kept):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in KEPT_FILES:
            if (self._state_dir / name).is_file():
                shutil.copy2(self._state_dir / name, kept / name)
        text = json.dumps({"schema": SCHEMA, **checkpoint.to_dict()}, indent=2) + "\n"
        replace_file(self._file(checkpoint.name), text)

    def put_back(self, name: str) -> None:
        """Put the files back that belong to a snapshot; what there was none of goes."""
        kept = self._kept(name)
        if not kept.is_dir():
            return
        for file in KEPT_FILES:
            if (kept / file).is_file():
                shutil.copy2(kept / file, self._state_dir / f"{file}.new")
                (self._state_dir / f"{file}.new").replace(self._state_dir / file)
            else:
                (self._state_dir / file).unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Remove what is known of a snapshot."""
        self._file(name).unlink(missing_ok=True)
        shutil.rmtree(self._kept(name), ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _kept(self, name: str) -> Path:
        return self._directory / "kept" / name
