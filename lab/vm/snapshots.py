"""The snapshots of one lab's virtual machine, through Vagrant."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab.config import Settings
from lab.process import Runner, run

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


class Snapshots:
    """Saves, restores and removes snapshots of a machine that is there.

    A snapshot of a machine that runs holds its memory, too. A restore is nothing but that: whoever asks
    for it looks after the clock, a new login and all that noticed the jump.

    Args:
        settings: the lab.
        runner: runs a program on the host.
    """

    def __init__(self, settings: Settings, *, runner: Runner = run) -> None:
        self._settings = settings
        self._runner = runner
        self._made: Any = None

    def names(self) -> list[str]:
        """Return the names of all snapshots, those of others included, in the order that Vagrant has."""
        lines = self._vagrant.snapshot("list", self._settings.name).splitlines()
        # Remarks, such as that there is none, begin with the machine's name and blanks.
        return [line for line in lines if _NAME.fullmatch(line)]

    def save(self, name: str, *, force: bool = False, on_line: Callable[[str], None] | None = None) -> None:
        """Save a snapshot.

        Args:
            name: its name.
            force: whether one of that name is replaced.
            on_line: called with each line in which Vagrant says what it does now.
        """
        with self._vagrant.telling(on_line) as tool:
            tool.snapshot("save", self._settings.name, *(["--force"] if force else []), name)

    def restore(self, name: str, on_line: Callable[[str], None] | None = None) -> None:
        """Put the machine back; it is off afterwards if it was off when the snapshot was saved."""
        with self._vagrant.telling(on_line) as tool:
            tool.snapshot("restore", self._settings.name, "--no-provision", name)

    def delete(self, name: str, on_line: Callable[[str], None] | None = None) -> None:
        """Remove a snapshot."""
        with self._vagrant.telling(on_line) as tool:
            tool.snapshot("delete", self._settings.name, name)

    @property
    def _vagrant(self) -> Any:
        if self._made is None:
            from lab.vm.vagrant import make_vagrant

            self._made = make_vagrant(self._settings, self._runner)
        return self._made
