"""One lab, used through its command line as a person would use it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.config import Settings, find_root, load_settings
from lab.errors import LabError
from lab.process import Result, Runner, run

UP_SECONDS = 4 * 3600.0
COMMAND_SECONDS = 1800.0


class CommandFailed(LabError):  # noqa: N818 - the name says it
    """A command of the lab failed; ``returncode`` is its exit code."""

    def __init__(self, result: Result, log: Path) -> None:
        super().__init__(
            f"'python -m lab {result.argv[3]}' ended with exit code {result.returncode}.",
            code="LAB-BENCH-001",
            hint="Read the log; the lab is as that command left it.",
            log=log,
        )
        self.returncode = result.returncode


@dataclass(frozen=True)
class Lab:
    """A lab, whether it is up or not.

    Attributes:
        settings: What it is.
        say: Is told what the commands say, line by line.
        runner: Runs programs of the host.
    """

    settings: Settings
    say: Callable[[str], None]
    runner: Runner = run

    @classmethod
    def open(cls, name: str | None, edition: str | None, say: Callable[[str], None]) -> Lab:
        """Return the lab that is asked for.

        Args:
            name: Its name; ``None``: what the environment or ``lab.yaml`` says.
            edition: Its edition, in the same way.
            say: Is told what the commands say.

        Raises:
            UsageError: The name or the edition cannot be.
        """
        overrides = {"name": name, "edition": edition}
        return cls(load_settings(find_root(Path.cwd()), overrides=overrides, environ=os.environ), say)

    def reports(self) -> Path:
        """Return the directory that keeps what is measured; it outlives the lab."""
        directory = self.settings.make_state_dir() / "reports"
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory

    def run(self, *arguments: str, log: Path) -> Result:
        """Run one command of the lab to its end and return its result.

        Raises:
            CommandFailed: Its exit code is not 0.
        """
        result = self.runner(
            [sys.executable, "-m", "lab", *arguments],
            timeout=UP_SECONDS if arguments[0] == "up" else COMMAND_SECONDS,
            cwd=self.settings.root,
            env={"LAB_NAME": self.settings.name, "LAB_EDITION": self.settings.edition.name},
            on_line=self.say,
            log=log,
        )
        if not result.ok:
            raise CommandFailed(result, log)
        return result
