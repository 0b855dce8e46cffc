"""Processors and memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.config import Settings
from lab.probes.host.finding import COMPUTER, Finding

MIB = 1024 * 1024


@dataclass(frozen=True)
class Memory:
    """Memory in MiB; ``None``: the system does not say."""

    total: int | None
    available: int | None


def read_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_memory(meminfo: Path = Path("/proc/meminfo")) -> Memory:
    """Return the memory of this computer, swap included in the total."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return Memory(_total_elsewhere(), None)
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return Memory((kib["MemTotal"] + kib.get("SwapTotal", 0)) // 1024, kib["MemAvailable"] // 1024)


def _total_elsewhere() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB
    except (AttributeError, ValueError, OSError):
        return None


def processors(settings: Settings, count: int) -> Iterator[Finding]:
    """Compare the processors with what the edition asks for and what the VM gets."""
    asked = settings.edition.host.cpus
    found = f"{_number(count, 'processor')}; the VM gets {settings.cpus}"
    if settings.cpus < asked:
        yield COMPUTER.warning(
            "processors",
            f"{found}, and the edition asks for {asked}",
            f"Set cpus: {asked} in lab.yaml, or wait longer and expect pods that find no room.",
        )
    elif count < settings.cpus:
        yield COMPUTER.warning(
            "processors",
            found,
            "It will be slow, and some of it may give up waiting: take a computer with more processors.",
        )
    else:
        yield COMPUTER.ok("processors", found)


def memory(settings: Settings, memory: Memory, *, running: bool) -> Iterator[Finding]:
    """Compare the memory with what the edition asks for and what the VM gets.

    Args:
        settings: The lab.
        memory: What there is.
        running: Whether the VM runs and so has its share already.
    """
    asked, share = settings.edition.host.memory_mib, settings.memory_mib
    if memory.total is None:
        yield COMPUTER.warning(
            "memory", "The system does not say how much there is", f"The VM needs {_gib(share)}."
        )
        return
    free = "" if memory.available is None else f"{_gib(memory.available)} free of "
    found = f"{free}{_gib(memory.total)}; the VM gets {_gib(share)}"
    fewer = "Set memory_mib in lab.yaml lower, or end other programs."
    if memory.total < share:
        yield COMPUTER.failure(
            "memory",
            f"The VM gets {_gib(share)} of memory, and this computer has {_gib(memory.total)}",
            f"Take a computer with more memory, or set memory_mib lower in lab.yaml: {settings.edition.name} "
            f"asks for {asked}, and may not get ready with less.",
            code="LAB-HOST-121",
        )
    elif share < asked:
        yield COMPUTER.warning(
            "memory",
            f"{found}, and the edition asks for {_gib(asked)}",
            f"Set memory_mib: {asked} in lab.yaml.",
        )
    elif not running and memory.available is not None and memory.available < share:
        yield COMPUTER.warning("memory", found, fewer)
    else:
        yield COMPUTER.ok("memory", found)


def _gib(mib: int) -> str:
    return f"{mib / 1024:.1f} GiB"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
