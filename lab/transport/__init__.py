"""The way into the guest: commands, files and tunnels, behind one small protocol.

`lab.transport.ssh` is not imported here: paramiko takes its time, and most commands do without.
"""

from __future__ import annotations

from lab.transport.base import (
    CommandError,
    CommandResult,
    CommandTimeout,
    Transport,
    TransportError,
    Tunnel,
)
from lab.transport.target import SSHTarget

__all__ = [
    "CommandError",
    "CommandResult",
    "CommandTimeout",
    "SSHTarget",
    "Transport",
    "TransportError",
    "Tunnel",
]
