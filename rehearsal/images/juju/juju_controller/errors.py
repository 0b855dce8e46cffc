"""Errors that the client shows."""

from __future__ import annotations


class ControllerError(Exception):
    """A request cannot be met.

    Attributes:
        code: what a program may act upon.
    """

    code = ""


class NotFoundError(ControllerError):
    """Something that was named does not exist."""

    code = "not found"


class RefusedError(ControllerError):
    """The request makes no sense, or is not allowed."""

    code = "not valid"


class UnauthorizedError(ControllerError):
    """The password is wrong."""

    code = "unauthorized access"
