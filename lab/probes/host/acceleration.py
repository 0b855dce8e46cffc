"""Whether the VM runs on the processor or is emulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from lab.probes.host.finding import COMPUTER, Finding


class Answer(Protocol):
    """What the probe in `lab.vm.accelerator` answers."""

    @property
    def driver(self) -> str:
        """Return ``kvm``, or ``qemu`` for emulation."""
        ...

    @property
    def reason(self) -> str:
        """Return how that was found out."""
        ...


def acceleration(probe: Callable[[], Answer]) -> Iterator[Finding]:
    """Say what a guest that was run on trial has shown."""
    answer = probe()
    if answer.driver == "kvm":
        yield COMPUTER.ok("acceleration", f"KVM: {answer.reason}")
        return
    yield COMPUTER.warning(
        "acceleration",
        f"emulation, about 20 times slower: {answer.reason}",
        "A rehearsal bears it. For the real lab switch virtualisation on in the firmware, load the module "
        "kvm_intel or kvm_amd, and be in the group kvm: sudo adduser $USER kvm",
    )
