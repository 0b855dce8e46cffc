"""The ports of 127.0.0.1 that lead into the VM."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.config import Settings
from lab.probes.host.finding import PORTS, Finding

_LISTENING = "0A"
_LOOPBACK = {"0100007F", "00000000", "0" * 32, "0000000000000000FFFF00000100007F"}


@dataclass(frozen=True)
class Listener:
    """Who has a port; without an ID if the system does not say."""

    pid: int | None = None
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.pid is None:
            return "a program of another user"
        return f"process {self.pid} ({Path(self.command[0]).name if self.command else '?'})"


def domain(settings: Settings) -> str:
    """Return the name of the lab's VM, which no VM of another checkout has (lab/vm/host.rb gives it)."""
    checkout = hashlib.sha256(os.fsencode(settings.root.resolve())).hexdigest()[:6]
    return f"lab-{checkout}-{settings.name}"


def chosen(settings: Settings) -> dict[str, int]:
    """Return the ports of a lab that are decided: by its settings, or when its VM was made."""
    ports = {service: port for service, port in settings.ports if port is not None}
    if "ssh" not in ports:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads((settings.state_dir / "ports.json").read_text(encoding="utf-8"))
            ports["ssh"] = int(kept["ssh"])
    return ports


def listener(port: int, proc: Path = Path("/proc")) -> Listener | None:
    """Return who listens on a port of 127.0.0.1, or `None` if it is free."""
    with socket.socket() as probe:
        # As the VM does; else a connection that has just ended would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return None
    return _owner(_inodes(port, proc), proc)


def ports(
    settings: Settings, *, running: bool, listener: Callable[[int], Listener | None] = listener
) -> Iterator[Finding]:
    """Look whether each port is free, or this lab's own VM has it.

    Args:
        settings: The lab.
        running: Whether its VM runs.
        listener: Returns who has a port.
    """
    decided = chosen(settings)
    if "ssh" not in decided:
        yield PORTS.ok("port-ssh", "one that is free is taken")
    for service, port in decided.items():
        identity = f"port-{service}"
        twins = [other for other, number in decided.items() if number == port and other != service]
        owner = listener(port)
        if twins:
            yield PORTS.failure(
                identity,
                f"Port {port} ({service}) is also the port for {twins[0]}",
                f"Set another: ports.{service} in lab.yaml.",
                code="LAB-HOST-129",
            )
        elif owner is None:
            yield PORTS.ok(identity, f"{port} is free")
        elif _is_own(owner, domain(settings), running=running):
            yield PORTS.ok(identity, f"{port} leads to this lab's VM")
        else:
            yield PORTS.failure(
                identity,
                f"Port {port} ({service}) is taken by {_name(owner)}",
                _cure(settings, service),
                code="LAB-HOST-129",
            )


def _is_own(owner: Listener, domain: str, *, running: bool) -> bool:
    if owner.pid is None:
        # Not to be told apart where a system does not say who it is.
        return running and not Path("/proc/net/tcp").exists()
    return any(
        part in (domain, f"guest={domain}") for argument in owner.command for part in argument.split(",")
    )


def _name(owner: Listener) -> str:
    for argument in owner.command:
        for part in argument.split(","):
            if part.startswith("guest=lab-"):
                return f"the VM of another lab, {part.removeprefix('guest=')} (process {owner.pid})"
    return str(owner)


def _cure(settings: Settings, service: str) -> str:
    cure = f"End that program, or set another port: ports.{service} in lab.yaml"
    kept = service == "ssh" and settings.ports.ssh is None
    return f"{cure} (for a VM that is there already: python -m lab down first)." if kept else f"{cure}."


def _inodes(port: int, proc: Path) -> set[str]:
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].rpartition(":")
            if fields[3] == _LISTENING and int(number, 16) == port and address in _LOOPBACK:
                found.add(f"socket:[{fields[9]}]")
    return found


def _owner(inodes: set[str], proc: Path) -> Listener:
    for directory in proc.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (directory / "fd").iterdir()):
                command = (
                    (directory / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
                )
                return Listener(int(directory.name), tuple(command))
        except OSError:
            # Another user's, or gone.
            continue
    return Listener()
