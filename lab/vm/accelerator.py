"""Whether this host's KVM runs a guest, or QEMU has to emulate one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from lab.errors import HostError
from lab.process import Runner, run

SCRIPT = Path(__file__).with_name("accelerator.sh")


@dataclass(frozen=True)
class Acceleration:
    """The answer of the probe."""

    driver: Literal["kvm", "qemu"]
    """`qemu` means emulation, about 20 times slower."""
    reason: str


def name(provider: str, runner: Runner = run) -> str:
    """Return what carries the machine: ``kvm``, ``qemu``, the provider's name, or ``unknown``."""
    if provider != "libvirt":
        return provider
    try:
        return probe(runner).driver
    except HostError:
        return "unknown"


def probe(runner: Runner = run) -> Acceleration:
    """Run a guest of one disk sector to find out; the answer is kept until the host's next boot.

    Raises:
        HostError: QEMU is not installed or does not even run an emulated guest.
    """
    result = runner(["sh", str(SCRIPT)], timeout=30)
    if not result.ok:
        raise HostError(
            f"no virtual machine can run here: {result.stderr.strip()}",
            code="LAB-HOST-111",
            hint="On Debian: sudo apt install qemu-system-x86",
        )
    driver, reason = result.stdout.splitlines()
    return Acceleration(cast(Literal["kvm", "qemu"], driver), reason)
