"""The guest's clock, which stands still while a machine is suspended and goes back with a restore."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.errors import VMError
from lab.report.text import duration
from lab.transport.base import Transport

TOLERANCE = 0.5
"""Seconds that nobody minds; a guest with a time service corrects them itself."""

COMMAND_SECONDS = 60.0


@dataclass(frozen=True)
class Clock:
    """How the guest's clock stood.

    Attributes:
        found: Seconds that it was ahead of the host's, negative if behind.
        left: The same after it was set, if it was.
        set: Whether it was set.
    """

    found: float
    left: float
    set: bool

    def __str__(self) -> str:
        """The difference that is left, with its sign."""
        return f"clock {round(self.left, 1) + 0.0:+.1f} s"  # no "-0.0"

    @property
    def news(self) -> str:
        """A sentence about a clock that was set; empty if it was right."""
        if not self.set:
            return ""
        side = "ahead" if self.found > 0 else "behind"
        return f"The VM's clock was {duration(abs(self.found))} {side}; it is set."


def set_clock(transport: Transport, *, now: Callable[[], float] = time.time) -> Clock:
    """Compare the guest's clock with the host's, and set it if it is wrong.

    Raises:
        VMError: It could not be set.
    """
    found, blur = _measure(transport, now)
    if abs(found) <= max(TOLERANCE, blur):
        return Clock(found, found, set=False)
    # By the difference, not to a time: reading and setting are one moment for `date`.
    command = f"sudo -n date --set='{-found:+.3f} seconds' >/dev/null"
    transport.run(command, timeout=COMMAND_SECONDS).check(
        VMError, code="LAB-VM-011", hint="Set it by hand: python -m lab exec -- sudo date --set=..."
    )
    left, _ = _measure(transport, now)
    return Clock(found, left, set=True)


def _measure(transport: Transport, now: Callable[[], float]) -> tuple[float, float]:
    """Return how far the guest's clock is ahead, and by how much that may be wrong, in seconds."""
    before = now()
    answer = transport.run("date +%s.%N", timeout=COMMAND_SECONDS).check(VMError, code="LAB-VM-011").stdout
    after = now()
    try:
        guest = float(answer)
    except ValueError:
        raise VMError(
            f"The VM does not say what time it is, but '{answer.strip()}'.", code="LAB-VM-011"
        ) from None
    return guest - (before + after) / 2, (after - before) / 2
