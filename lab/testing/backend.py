"""testinfra over the project's own transport, as ``lab://NAME``.

testinfra's paramiko backend reads standard output to its end before it looks at standard error, so
that a command with much to say on the latter hangs for ever, and it knows no deadline for a command.
The transport drains both streams and ends a command at its deadline.
"""

from __future__ import annotations

from typing import Any

import testinfra.backend
import testinfra.host
from testinfra.backend import base

from lab.transport.base import Transport

COMMAND_TIMEOUT = 120.0
"""Seconds for a command that names no deadline of its own."""

_TRANSPORTS: dict[str, Transport] = {}


class LabBackend(base.BaseBackend):  # type: ignore[misc] # testinfra publishes no types
    """Runs testinfra's commands through a `Transport`."""

    NAME = "lab"

    def run(self, command: str, *args: str, timeout: float = COMMAND_TIMEOUT, **_: Any) -> base.CommandResult:
        """Run a command in the guest.

        Args:
            command: The command, with ``%s`` for each of the arguments, which are quoted.
            args: The arguments.
            timeout: Seconds until it is killed.

        Raises:
            CommandTimeout: The deadline passed.
        """
        line = self.get_command(command, *args)
        result = _TRANSPORTS[self.hostname].run(line, timeout=timeout)
        return self.result(result.returncode, self.encode(line), result.stdout, result.stderr)

    def get_encoding(self) -> str:
        """Return the encoding of the guest's programs, without asking it."""
        return "utf-8"


testinfra.backend.BACKENDS[LabBackend.NAME] = f"{LabBackend.__module__}.{LabBackend.__qualname__}"


def get_host(name: str, transport: Transport) -> testinfra.host.Host:
    """Return testinfra's host object for a lab."""
    # testinfra caches hosts for the whole process; so the backend looks its transport up at each command.
    _TRANSPORTS[name] = transport
    return testinfra.host.get_host(f"lab://{name}")
