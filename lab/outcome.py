"""How a program ended: what those on the host and those in the guest have in common."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from lab.errors import LabError
from lab.masking import mask_forms

_AROUND = 100
"""Lines before the last ones that may tell whether those are part of a secret."""


def last_lines(text: str, count: int = 10) -> str:
    """Return the last lines of a text that have something on them, without what looks like a secret."""
    tail = "\n".join(text.splitlines()[-count - _AROUND :])
    return "\n".join([line for line in mask_forms(tail).splitlines() if line.strip()][-count:])


class Outcome:
    """A program that has ended, well or not.

    Attributes:
        returncode: The exit code.
        stdout: All it wrote to standard output.
        stderr: All it wrote to standard error.
    """

    returncode: int
    stdout: str
    stderr: str
    ERROR: ClassVar[type[LabError]]
    CODE: ClassVar[str]

    @property
    def ok(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.returncode == 0

    @property
    def failure(self) -> str:
        """What failed and how, in half a sentence."""
        raise NotImplementedError

    @property
    def last_words(self) -> str:
        """The last lines of what it said about its end."""
        return last_lines(self.stderr) or last_lines(self.stdout)

    def check(
        self,
        error: type[LabError] | None = None,
        *,
        code: str = "",
        hint: str = "",
        log: Path | None = None,
    ) -> Self:
        """Return the outcome itself, or raise when the program failed.

        Args:
            error: Class of the error to raise; by default the one for programs of this kind.
            code: Stable ID of the error, of that class.
            hint: What the user can do about it.
            log: Where the whole output is.

        Raises:
            LabError: The exit code is not 0.
        """
        if self.ok:
            return self
        said = self.last_words
        message = f"{self.failure}:\n{said}" if said else self.failure
        raise (error or self.ERROR)(message, code=code or self.CODE, hint=hint, log=log)
