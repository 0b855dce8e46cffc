from __future__ import annotations

from typing import Any

import pytest

from lab.testing.admission import refusal
from lab.testing.creation import OUTAGE
from lab.testing.kube import KubeError
from lab.testing.waiting import WaitTimeout

ITEM = {"apiVersion": "lab.dev/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "n"}}
REFUSED = KubeError('POST x: 400 admission webhook "v" denied the request: no', status=400)
NO_ANSWER = KubeError('POST x: 500 failed calling webhook "v"', status=500)
STILL_THERE = KubeError("POST x: 409 it exists", status=409)
LET_IN = {**ITEM, "metadata": {**ITEM["metadata"], "creationTimestamp": "2030-01-01T12:00:00Z"}}  # type: ignore[dict-item]


def configuration(resource: str = "things") -> dict[str, Any]:
    rules = [{"apiGroups": ["lab.dev"], "resources": [resource]}]
    service = {"namespace": "system", "name": "keeper"}
    return {"webhooks": [{"clientConfig": {"service": service}, "rules": rules}]}


def pod(since: str = "2030-01-01T11:00:00Z", **metadata: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    return {"metadata": {"name": "keeper-0", **metadata}, "status": {"conditions": [ready]}}


class FakeKube:
    """Answers creations in turn; the keeper's pod is the same all the time."""

    def __init__(self, *answers: Any, pod: Any, hooks: Any = None) -> None:
        self.answers = list(answers)
        self.pod = pod
        self.hooks = [configuration()] if hooks is None else hooks
        self.deleted = 0

    def create(self, item: Any) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def delete(self, *_: str) -> None:
        self.deleted += 1

    def path(self, *_: str) -> str:
        return "/apis/lab.dev/v1/things"

    def list(self, *_: str) -> Any:
        return self.hooks

    def get(self, version: str, kind: str, name: str, namespace: str) -> Any:
        assert namespace == "system"
        if kind == "Endpoints":
            found = {"addresses": [{"targetRef": {"name": "keeper-0"}}]}
            return {"subsets": [found if self.pod else {"notReadyAddresses": []}]}
        return self.pod


def test_a_refusal_is_returned(clock: Any) -> None:
    kube: Any = FakeKube(REFUSED, pod=pod())
    assert refusal(kube, ITEM, clock=clock) is REFUSED
    assert clock.slept == []


AWAY = {
    "no pod": None,
    "a new pod": pod(since="2030-01-01T11:59:50Z"),
    "a pod that goes": pod(deletionTimestamp="2030-01-01T12:00:00Z"),
}


@pytest.mark.parametrize("keeper", AWAY.values(), ids=AWAY.keys())
def test_what_is_let_in_while_the_webhook_is_away_is_sent_again(clock: Any, keeper: Any) -> None:
    kube: Any = FakeKube(LET_IN, STILL_THERE, NO_ANSWER, REFUSED, pod=keeper)
    assert refusal(kube, ITEM, clock=clock) is REFUSED
    assert kube.deleted == 1


def test_what_the_webhook_lets_in_is_a_failure(clock: Any) -> None:
    kube: Any = FakeKube(LET_IN, pod=pod())
    with pytest.raises(AssertionError, match="Thing t was let in"):
        refusal(kube, ITEM, clock=clock)
    assert kube.deleted == 1


@pytest.mark.parametrize("hooks", [[], [configuration("others")]], ids=["none", "for something else"])
def test_without_a_webhook_there_is_nothing_to_wait_for(clock: Any, hooks: Any) -> None:
    kube: Any = FakeKube(LET_IN, pod=None, hooks=hooks)
    with pytest.raises(AssertionError, match="was let in"):
        refusal(kube, ITEM, clock=clock)


def test_a_webhook_that_stays_away_is_an_error(clock: Any) -> None:
    kube: Any = FakeKube(LET_IN, pod=None)
    with pytest.raises(WaitTimeout, match="service keeper"):
        refusal(kube, ITEM, clock=clock)
    assert sum(clock.slept) >= OUTAGE
