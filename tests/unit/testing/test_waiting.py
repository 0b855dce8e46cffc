from __future__ import annotations

import logging
from typing import Any

import pytest

from lab.testing.waiting import Pending, WaitAborted, WaitTimeout, wait_until


def test_returns_what_the_check_found(clock: Any) -> None:
    answers = [Pending("a"), Pending("a"), Pending("b"), "found"]
    assert wait_until(lambda: answers.pop(0), what="it", deadline=60, interval=2, clock=clock) == "found"
    assert clock.slept == [2, 2, 2]


def test_a_slow_look_is_followed_by_as_long_a_pause(clock: Any) -> None:
    looks: list[tuple[int, str | Pending]] = [(7, Pending("busy")), (1, Pending("busy")), (0, "found")]
    answers = iter(looks)

    def look() -> str | Pending:
        seconds, answer = next(answers)
        clock.now += seconds
        return answer

    assert wait_until(look, what="it", deadline=60, interval=2, clock=clock) == "found"
    assert clock.slept == [7, 2]


def test_a_falsy_answer_is_an_answer(clock: Any) -> None:
    assert wait_until(lambda: 0, what="it", deadline=60, clock=clock) == 0


def test_deadline_names_itself_and_the_last_state(clock: Any) -> None:
    states = iter(f"state {number}" for number in range(1000))
    with pytest.raises(
        WaitTimeout, match=r"in vain for the pod \(deadline 10 s\)\. Last state: state 4"
    ) as caught:
        wait_until(lambda: Pending(next(states)), what="the pod", deadline=10, interval=3, clock=clock)
    assert caught.value.exit_code == 70
    assert clock.slept == [3, 3, 3, 1]


def test_it_looks_once_even_without_time(clock: Any) -> None:
    assert wait_until(lambda: "there", what="it", deadline=0, clock=clock) == "there"


def test_guard_ends_the_wait_early(clock: Any) -> None:
    problems = iter([None, None, "ImagePullBackOff"])
    with pytest.raises(WaitAborted, match=r"after 4 s: ImagePullBackOff\. Last state: waiting"):
        wait_until(
            lambda: Pending("waiting"), what="it", deadline=600, guard=lambda: next(problems), clock=clock
        )


def test_tolerated_errors_count_as_not_yet(clock: Any) -> None:
    tries = 0

    def check() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionError("refused")
        return "answered"

    assert wait_until(check, what="it", deadline=60, tolerate=(OSError,), clock=clock) == "answered"
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: str(1 // 0), what="it", deadline=60, tolerate=(OSError,), clock=clock)


def test_only_changes_are_logged(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers: list[Pending | str] = [Pending("a")] * 5 + [Pending("b")] * 5 + ["done"]
    wait_until(lambda: answers.pop(0), what="it", deadline=60, clock=clock)
    assert [record.getMessage() for record in caplog.records] == [
        "waiting for it: a (0.0 s)",
        "waiting for it: b (10.0 s)",
        "it: after 20.0 s",
    ]
