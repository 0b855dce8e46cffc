"""One lock a lab: whoever changes it holds the lock, and says who it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lab.config import replace_file
from lab.errors import HostError


@contextmanager
def lab_lock(state_dir: Path, command: str) -> Iterator[None]:
    """Hold the lock of a lab.

    The kernel gives the lock back when its process ends, however it ends, so a lock is never stale.

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
        raise HostError(
            f"Another command is at work on the lab '{state_dir.name}'{_describe(owner)}.",
            code="LAB-HOST-020",
            hint="Wait until it has ended, or end it.",
        ) from None
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        replace_file(owner, json.dumps({"pid": os.getpid(), "command": command, "since": since}) + "\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _describe(owner: Path) -> str:
    try:
        data = json.loads(owner.read_text(encoding="utf-8"))
        return f": process {data['pid']}, '{data['command']}', since {data['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
