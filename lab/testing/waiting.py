"""Waits for conditions: a deadline, an early end when it is hopeless, the last state in the error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lab.errors import AcceptanceError

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

INTERVAL = 2.0
"""Seconds between two looks, at least. Each costs the guest something, which under emulation is dear."""


class WaitTimeout(AcceptanceError):  # noqa: N818 - the name says it
    """The deadline passed."""


class WaitAborted(AcceptanceError):  # noqa: N818 - the name says it
    """What is waited for cannot happen any more."""


class Clock(Protocol):
    """The part of the module `time` that waiting needs."""

    def monotonic(self) -> float:
        """Return seconds from some point in the past."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Let that many seconds pass."""
        ...


@dataclass(frozen=True)
class Pending:
    """The answer of a check whose condition does not hold yet: the state that it saw instead."""

    state: str


def wait_until(
    check: Callable[[], T | Pending],
    *,
    what: str,
    deadline: float,
    guard: Callable[[], str | None] | None = None,
    tolerate: tuple[type[Exception], ...] = (),
    interval: float = INTERVAL,
    clock: Clock = time,
) -> T:
    """Look until a condition holds, and return what the check found then.

    Args:
        check: Returns `Pending` while the condition does not hold, anything else when it does.
        what: What is waited for, for the log and the error.
        deadline: Seconds from now.
        guard: Returns why it is hopeless to wait on, or ``None``.
        tolerate: Errors of the check that count as not yet.
        interval: Seconds between two looks; a look that took longer is followed by as long a pause, so
            that the looks take no more than half of what a busy guest has.
        clock: For tests.

    Raises:
        WaitTimeout: The deadline passed; the error holds the last state.
        WaitAborted: The guard saw no hope.
    """
    started = clock.monotonic()
    state = ""
    while True:
        asked = clock.monotonic()
        try:
            found = check()
        except tolerate as error:
            found = Pending(f"{type(error).__name__}: {error}")
        answered = clock.monotonic()
        passed = answered - started
        if not isinstance(found, Pending):
            _LOG.info("%s: after %.1f s", what, passed)
            return found
        if found.state != state:
            state = found.state
            _LOG.info("waiting for %s: %s (%.1f s)", what, state, passed)
        problem = guard() if guard else None
        if problem:
            raise WaitAborted(
                f"Gave up waiting for {what} after {passed:.0f} s: {problem}. Last state: {state}",
                code="LAB-TEST-002",
            )
        if passed >= deadline:
            raise WaitTimeout(
                f"Waited {passed:.0f} s in vain for {what} (deadline {deadline:.0f} s). Last state: {state}",
                code="LAB-TEST-001",
            )
        clock.sleep(min(max(interval, answered - asked), deadline - passed))
