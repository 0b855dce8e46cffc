from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.testing.steps import Step, overlap, run_pods, steps, wait_until_gone
from lab.testing.waiting import WaitTimeout

Object = dict[str, Any]


class FakeKube:
    """A namespace with some pods."""

    def __init__(self, pods: Sequence[Object] = (), logs: dict[str, str] | None = None) -> None:
        self.pods = pods
        self.said = logs or {}

    def list(self, version: str, kind: str, namespace: str, *, labels: str = "") -> Sequence[Object]:
        assert (version, kind, namespace, labels) == ("v1", "Pod", "ns", "pipeline/runid=r1")
        return self.pods

    def logs(self, namespace: str, pod: str, *, container: str) -> str:
        assert (namespace, container) == ("ns", "main")
        return self.said[pod]


def pod(name: str, image: str, *, container: str = "main", ended: bool = True) -> Object:
    terminated = {"startedAt": "2024-01-01T00:00:00Z", "finishedAt": "2024-01-01T00:00:05Z", "exitCode": 0}
    state = {"terminated": terminated} if ended else {"running": {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "wait", "image": "argo"}, {"name": container, "image": image}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": container, "state": state}]},
    }


def test_steps_are_the_pods_with_the_step_s_image() -> None:
    log = 'noise\nRESULT {"a": 1}\nRESULT {"a": 2}\nend\n'
    pods = [
        pod("b", "img"),
        pod("driver", "other"),
        pod("a", "img", ended=False),
        pod("c", "img", container="x"),
    ]
    kube: Any = FakeKube(pods, {"b": log})
    unfinished, finished = steps(kube, "ns", "r1", "img")
    assert (unfinished.pod, unfinished.result, unfinished.exit_code) == ("a", {}, None)
    assert (finished.pod, finished.result, finished.exit_code) == ("b", {"a": 2}, 0)
    assert finished.finished == datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert len(run_pods(kube, "ns", "r1")) == 4


def test_overlap() -> None:
    def step(start: int, end: int | None) -> Step:
        at = [datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC) for second in (start, end or 0)]
        return Step("p", {}, "", at[0], at[1] if end else None, 0)

    assert overlap(step(0, 5), step(4, 9))
    assert not overlap(step(0, 5), step(5, 9))
    assert not overlap(step(0, 5), step(1, None))


def test_waits_until_no_pod_is_left(clock: Any) -> None:
    kube: Any = FakeKube([pod("a", "img")])
    with pytest.raises(WaitTimeout, match="Last state: a"):
        wait_until_gone(kube, "ns", "r1", deadline=5, clock=clock)
    empty: Any = FakeKube()
    wait_until_gone(empty, "ns", "r1", deadline=5, clock=clock)
