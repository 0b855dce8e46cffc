"""The lab's command line in a checkout of its own, run as a person runs it, and read as a person reads it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.process import Result, run

PARTS = (
    *("Vagrantfile", "lab.yaml", "constraints.txt", "lab", "provision", "rehearsal"),
    *("pyproject.toml", "tests/acceptance"),
)
"""What a checkout needs for the lab's commands, and for the suite."""

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c")
"""What is mounted behind this is seen by one command alone, neither by the host nor by another program."""

SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it said."""

    exit_code: int
    output: str
    errors: str

    @classmethod
    def of(cls, result: Result) -> Answer:
        """Return what a person would see of a result."""
        return cls(result.returncode, result.stdout, result.stderr)

    @property
    def code(self) -> str:
        """The error's stable ID; empty if there is none."""
        found = re.search(r"^(LAB-[A-Z0-9]+-\d+): ", self.errors, re.MULTILINE)
        return found[1] if found else ""

    @property
    def hint(self) -> str:
        """What the error says is to be done; empty if it says nothing."""
        found = re.search(r"^What to do: (.+)", self.errors, re.MULTILINE)
        return found[1] if found else ""

    def refuses(self, code: str, exit_code: int, *, hint: str = "") -> None:
        """Assert that it is this error, without a traceback, and that it says what to do.

        Args:
            code: The error's stable ID.
            exit_code: The exit code of its class.
            hint: A part of the advice.
        """
        assert (self.code, self.exit_code) == (code, exit_code), self
        assert self.hint, self
        assert hint in self.hint, self
        assert "Traceback" not in self.errors, self

    def succeeds(self) -> Answer:
        """Assert that it ended well, and return it."""
        assert self.exit_code == 0, self
        return self


@dataclass(frozen=True)
class Checkout:
    """A copy of this project.

    Attributes:
        root: Where it is.
        prefix: The command that the lab's commands are run by, such as ``env -u HOME``.
    """

    root: Path
    prefix: tuple[str, ...] = ()

    @classmethod
    def copy(cls, source: Path, target: Path) -> Checkout:
        """Copy what the lab's commands need."""
        target.mkdir(parents=True)
        for part in PARTS:
            if (source / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*_cache")
                shutil.copytree(source / part, target / part, ignore=ignored)
            else:
                shutil.copy2(source / part, target / part)
        return cls(target)

    def under(self, *prefix: str) -> Checkout:
        """Return the same checkout, with its commands run by another command."""
        return Checkout(self.root, (*prefix, *self.prefix))

    def argv(self, *arguments: str) -> Sequence[str]:
        """Return the whole command line of a command of the lab."""
        return [*self.prefix, sys.executable, "-m", "lab", *arguments]

    def lab(self, *arguments: str, timeout: float = SECONDS, env: Mapping[str, str] | None = None) -> Answer:
        """Run a command of the lab to its end."""
        return Answer.of(run(self.argv(*arguments), timeout=timeout, cwd=self.root, env=env))
