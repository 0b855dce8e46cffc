"""The guest's clock is compared, and set only if it is wrong."""

from __future__ import annotations

import itertools

import pytest

from lab.errors import VMError
from lab.plan.clock import set_clock
from lab.transport.base import CommandResult
from tests.unit.plan.conftest import FakeGuest


def test_a_clock_that_is_right_is_left_alone(guest: FakeGuest) -> None:
    guest.clock_ahead = 0.2
    clock = set_clock(guest)
    assert guest.clock_ahead == 0.2
    assert not clock.set
    assert clock.news == ""
    assert str(clock) == "clock +0.2 s"


@pytest.mark.parametrize(
    ("ahead", "news"),
    [
        (-7380.0, "The VM's clock was 2 h 03 min behind; it is set."),
        (90.0, "The VM's clock was 1 min 30 s ahead; it is set."),
    ],
)
def test_a_clock_that_is_wrong_is_set(guest: FakeGuest, ahead: float, news: str) -> None:
    guest.clock_ahead = ahead
    clock = set_clock(guest)
    assert abs(guest.clock_ahead) < 0.5
    assert clock.found == pytest.approx(ahead, abs=0.5)
    assert clock.left == pytest.approx(0.0, abs=0.5)
    assert clock.news == news


def test_what_cannot_be_known_is_not_set(guest: FakeGuest) -> None:
    guest.clock_ahead = 2.0
    # The answer took ten seconds: the difference may be nothing.
    ticks = itertools.count(start=0.0, step=10.0)
    import time

    started = time.time()
    assert not set_clock(guest, now=lambda: started + next(ticks) - 3.0).set
    assert guest.clock_ahead == 2.0


def test_a_guest_that_does_not_say_the_time(guest: FakeGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "run", lambda command, **_: CommandResult(command, 0, "noon\n", "", 0.1))
    with pytest.raises(VMError, match="does not say what time it is, but 'noon'"):
        set_clock(guest)
