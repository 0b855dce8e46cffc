from __future__ import annotations

from typing import Any

import pytest

from lab.testing.creation import OUTAGE, create
from lab.testing.kube import KubeError
from lab.testing.waiting import WaitTimeout

ITEM = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
AWAY = KubeError('POST x: 500 failed calling webhook "v": connection refused', status=500)


class FakeKube:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def create(self, item: Any) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_webhook_that_is_away_for_a_moment_is_waited_for(clock: Any) -> None:
    kube: Any = FakeKube(AWAY, AWAY, ITEM)
    assert create(kube, ITEM, clock=clock) == ITEM
    assert len(clock.slept) == 1


def test_a_webhook_that_stays_away_is_an_error(clock: Any) -> None:
    kube: Any = FakeKube(AWAY)
    with pytest.raises(WaitTimeout, match=r"the creation of Pod p .*failed calling webhook"):
        create(kube, ITEM, clock=clock)
    assert sum(clock.slept) >= OUTAGE


@pytest.mark.parametrize("status", [403, 409, 500])
def test_a_refusal_is_final(clock: Any, status: int) -> None:
    kube: Any = FakeKube(KubeError("no", status=status))
    with pytest.raises(KubeError):
        create(kube, ITEM, clock=clock)
    assert clock.slept == []
