"""The way into the guest: commands, files and tunnels, behind one small protocol."""

from __future__ import annotations

from lab.transport.base import CommandResult, CommandTimeout, Transport, TransportError, Tunnel

__all__ = ["CommandResult", "CommandTimeout", "Transport", "TransportError", "Tunnel"]
