"""The errors a command may end with, and their exit codes."""

from __future__ import annotations


class JujuError(Exception):
    """A command failed: ``ERROR text`` on stderr, exit code 1."""

    code = 1


class UsageError(JujuError):
    """The command line is wrong, or the client cannot even start: exit code 2."""

    code = 2


class ApiError(JujuError):
    """The controller answered with an error.

    Attributes:
        kind: the controller's error code, for example ``not found``.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind
