"""One lock a lab: whoever changes it holds the lock, and says who it is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lab.errors import HostError
from lab.files import replace_file


@contextmanager
def lab_lock(state_dir: Path, command: str) -> Iterator[None]:
    """Hold the lock of a lab.

    The kernel gives the lock back when its process ends, however it ends, so on a disk of this computer
    a lock is never stale. A file server may take its time to notice.

    Args:
        state_dir: The lab's state directory, which is there.
        command: What the lock is taken for, told to others who want it.

    Raises:
        HostError: Another process holds it.
    """
    owner = state_dir / "lock.owner"
    lock = FileLock(state_dir / "lock", mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        who, hint = _describe(owner)
        raise HostError(
            f"Another command is at work on the lab '{state_dir.name}'{who}.", code="LAB-HOST-020", hint=hint
        ) from None
    try:
        replace_file(owner, json.dumps(_self(command)) + "\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _self(command: str) -> dict[str, object]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "command": command, "since": since, "host": socket.gethostname()}


def _describe(owner: Path) -> tuple[str, str]:
    """Return who holds the lock, as far as is known, and what to do about it."""
    try:
        data = json.loads(owner.read_text(encoding="utf-8"))
        pid, host = int(data["pid"]), str(data.get("host", socket.gethostname()))
        who = f": process {pid}, '{data['command']}', since {data['since']}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", "Wait until it has ended, or end it."
    if host != socket.gethostname():
        return f"{who}, on the computer '{host}'", f"Wait until it has ended, or end it on '{host}'."
    if _lives(pid):
        return who, f"Wait until it has ended, or end it: kill {pid}"
    return (
        f"{who}, which has ended without giving its lock back",
        "A file server gives it back after a while. If it does not, remove the file 'lock' in "
        f"'{owner.parent}'.",
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
