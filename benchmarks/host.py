"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from lab.config import Settings
from lab.process import run
from lab.vm import accelerator


def describe(settings: Settings) -> str:
    """Return one line: processors, memory, acceleration, load, date and commit."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {gib:.0f} GiB; guest: {settings.cpus} processors, "
        f"{settings.memory_mib} MiB, {accelerator.name(settings.provider)}; load {os.getloadavg()[1]:.1f}; "
        f"{datetime.now(UTC):%Y-%m-%d}; commit {commit(settings.root)}"
    )


def commit(root: Path) -> str:
    """Return the short name of the checkout's commit; ``unknown`` without git."""
    result = run(["git", "describe", "--always", "--dirty"], timeout=30, cwd=root)
    return result.stdout.strip() if result.ok else "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown processor"
