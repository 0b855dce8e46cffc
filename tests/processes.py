"""What tests ask about processes that they did not start themselves."""

from __future__ import annotations

import time
from pathlib import Path


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter: it ended between opening and reading
        return False


def wait_ended(pid: int, timeout: float = 5) -> bool:
    """Wait until a process has ended.

    Args:
        pid: The process.
        timeout: Seconds at the most.

    Returns:
        Whether it has.
    """
    deadline = time.monotonic() + timeout
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
