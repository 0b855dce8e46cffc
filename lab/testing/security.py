"""Walks files, listeners and the process list for what a lab must not show to others."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is searched; larger ones are disks and archives that were there before any secret."""

SHORTEST = 8
"""Characters of a secret that is searched for; a shorter one could stand anywhere by accident."""

_LISTENING = "0A"
# Where nothing of a lab is written.
_NOT_OURS = frozenset({".git", ".venv", ".tox", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__"})


@dataclass(frozen=True)
class Process:
    """A process of this computer."""

    pid: int
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        """The program's name."""
        return Path(self.command[0]).name if self.command else "?"


@dataclass(frozen=True)
class Listener:
    """A port that a process listens on."""

    process: Process
    address: str
    port: int

    @property
    def local(self) -> bool:
        """Whether only this computer reaches it."""
        address = ipaddress.ip_address(self.address)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (mapped or address).is_loopback


def loose(directory: Path, *, public: Collection[Path] = ()) -> list[str]:
    """Return what others than the owner may use in a directory, with its mode; links do not count.

    Args:
        directory: Is looked at itself, too.
        public: Files in it that everybody may read. Nobody but the owner may write to them either.
    """
    found = []
    for path in (directory, *_walk(directory)):
        mode = path.lstat().st_mode
        refused = 0o022 if path in public else 0o077
        if not stat.S_ISLNK(mode) and mode & refused:
            found.append(f"{path} has mode {stat.S_IMODE(mode):04o}")
    return found


def shown_secrets(directories: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """Return the files that everybody may read and that have a secret in them."""
    wanted = [secret.encode() for secret in _long(secrets)]
    return [
        f"{path} has a secret in it"
        for directory in directories
        for path in _walk(directory)
        if _is_public(path) and any(secret in path.read_bytes() for secret in wanted)
    ]


def processes(proc: Path = PROC) -> list[Process]:
    """Return all processes with their arguments."""
    found = []
    for directory in proc.glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:  # it has ended
            continue
        found.append(Process(int(directory.name), tuple(line.rstrip("\0").split("\0"))))
    return found


def listeners(chosen: Iterable[Process], proc: Path = PROC) -> list[Listener]:
    """Return the TCP ports that processes listen on, as far as this user may see them."""
    return [
        Listener(process, *where)
        for process in chosen
        for inode, where in _listening(proc / str(process.pid))
        if inode in _sockets(proc / str(process.pid))
    ]


def told_secrets(arguments: Iterable[Sequence[str]], secrets: Iterable[str]) -> list[str]:
    """Return the programs that have a secret in their arguments."""
    wanted = list(_long(secrets))
    return [
        f"{command[0]} has a secret in its arguments"
        for command in arguments
        if any(secret in argument for argument in command for secret in wanted)
    ]


def _long(secrets: Iterable[str]) -> Iterator[str]:
    for secret in secrets:
        yield from (line for line in secret.splitlines() if len(line) >= SHORTEST and line[:5] != "-----")


def _walk(directory: Path) -> Iterator[Path]:
    for top, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if name not in _NOT_OURS]
        yield from (Path(top) / name for name in (*directories, *files))


def _is_public(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o004) and found.st_size <= LARGEST


def _sockets(directory: Path) -> set[str]:
    found = set()
    try:
        for link in (directory / "fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:  # it has ended, or is another user's
        pass
    return found


def _listening(directory: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield inode, address and port of each listener in the process's network."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (directory / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if fields[3] == _LISTENING:
                yield fields[9], (_address(address), int(port, 16))


def _address(digits: str) -> str:
    """Return an address as people write it; the kernel prints words of four bytes, lowest byte first."""
    data = bytes.fromhex(digits)
    words = (data[start : start + 4] for start in range(0, len(data), 4))
    return str(ipaddress.ip_address(b"".join(word[::-1] for word in words)))
