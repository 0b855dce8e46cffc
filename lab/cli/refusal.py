"""What to tell of an error: in the lab's words if the computer is to blame, and what to do about it."""

from __future__ import annotations

import errno

from lab.cli.talk import named
from lab.errors import HostError, LabError
from lab.python import missing


def refusal(error: Exception) -> HostError | None:
    """Return the error to tell the user of; ``None`` if it should not have happened."""
    if isinstance(error, ModuleNotFoundError):
        return missing(error)
    if not isinstance(error, OSError):
        return None
    what = f"'{error.filename}'" if error.filename else "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HostError(
            f"The disk is full: {what} could not be written.",
            code="LAB-HOST-040",
            hint="Make room (df -h shows where), then run the same command again. Nothing is lost.",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return HostError(
            f"{what[0].upper()}{what[1:]} may not be read or written: {error.strerror}.",
            code="LAB-HOST-041",
            hint="The lab keeps its state in .lab/ of the checkout: it has to be yours, on a writable disk.",
        )
    return None


def advice(error: LabError, name: object) -> str:
    """Return what to do about an error: its own advice, else that of its code.

    Args:
        error: What happened.
        name: The lab that ``--name`` chose, if it did.
    """
    from lab.diagnose.registry import error_codes

    entry = None if error.hint else error_codes().get(error.code)
    return named(entry.advice if entry else error.hint, name)
