from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lab.testing.kube import KubeError
from lab.testing.pods import PodWatch, describe, is_over, is_ready, run_to_end, troubles, wait_for_pod
from lab.testing.waiting import WaitAborted, WaitTimeout

Object = dict[str, Any]


class FakeKube:
    """A namespace whose pods change from one look to the next."""

    def __init__(self, states: Sequence[Object | None], log: str = "") -> None:
        self.states = list(states)
        self.log = log

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Sequence[Object]:
        assert (api_version, kind, namespace) == ("v1", "Pod", "ns")
        state = self.states[0]
        return [state] if state else []

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        assert (api_version, kind, name, namespace) == ("v1", "Pod", "web", "ns")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def logs(self, namespace: str, pod: str) -> str:
        return self.log


def pod(
    phase: str = "Pending", *, waiting: str = "", ready: bool = False, condition: Object | None = None
) -> Object:
    container: Object = {"name": "web", "ready": ready, "state": {}}
    if waiting:
        container["state"] = {"waiting": {"reason": waiting, "message": "because"}}
    conditions = [{"type": "Ready", "status": str(ready)}, *([condition] if condition else [])]
    return {
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web"}]},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": [container]},
    }


def wait(kube: Any, clock: Any, deadline: float = 600) -> Object:
    return wait_for_pod(kube, "ns", "web", is_ready, what="to be ready", deadline=deadline, clock=clock)


def test_waits_until_the_pod_is_ready(clock: Any) -> None:
    kube = FakeKube([None, pod(waiting="ContainerCreating"), pod("Running"), pod("Running", ready=True)])
    assert is_ready(wait(kube, clock))
    assert len(clock.slept) == 3


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (pod(waiting="CrashLoopBackOff"), 0),
        (pod(waiting="InvalidImageName"), 0),
        (pod(waiting="ImagePullBackOff"), 46),
        (pod(condition={"type": "PodScheduled", "reason": "Unschedulable", "message": "no cpu"}), 90),
    ],
)
def test_trouble_ends_the_wait_early(clock: Any, state: Object, seconds: float) -> None:
    with pytest.raises(WaitAborted, match=r"pod web: .*: (because|no cpu)"):
        wait(FakeKube([state]), clock)
    assert sum(clock.slept) == seconds


def test_trouble_that_passes_is_forgotten(clock: Any) -> None:
    refused = pod(waiting="ErrImagePull")
    fine = pod(waiting="ContainerCreating")
    states = [refused] * 15 + [fine] + [refused] * 15 + [pod("Running", ready=True)]
    assert is_ready(wait(FakeKube(states), clock))


def test_an_image_that_is_tried_again_and_again_is_one_trouble(clock: Any) -> None:
    turns = [pod(waiting="ErrImagePull")] * 3 + [pod(waiting="ImagePullBackOff")] * 5
    with pytest.raises(WaitAborted, match=r"pod web: (ErrImagePull|ImagePullBackOff): because"):
        wait(FakeKube(turns * 10), clock)
    assert sum(clock.slept) == 46


def test_the_deadline_says_what_the_pod_was_doing(clock: Any) -> None:
    with pytest.raises(WaitTimeout, match=r"Last state: Running, 0/1 ready"):
        wait(FakeKube([pod("Running")]), clock, deadline=10)


def test_a_server_that_does_not_answer_is_no_trouble_of_the_pods(clock: Any) -> None:
    class Silent:
        def list(self, *_: object, **__: object) -> object:
            raise KubeError("no answer", status=0)

    silent: Any = Silent()
    assert PodWatch(silent, "ns", clock=clock)() is None


def test_pod_that_ends() -> None:
    ended: Any = FakeKube([pod("Succeeded")], log="done\n")
    assert run_to_end(ended, "ns", "web", deadline=1) == "done\n"
    failed: Any = FakeKube([pod("Failed")], log="no such host\n")
    with pytest.raises(AssertionError, match=r"ended as Failed; its log:\nno such host"):
        run_to_end(failed, "ns", "web", deadline=1)


def test_states_with_nothing_in_them() -> None:
    empty: Object = {"metadata": {"name": "web"}}
    assert not is_ready(empty)
    assert not is_over(empty)
    assert list(troubles(empty)) == []
    assert describe(empty) == "Unknown, 0/0 ready"


def test_init_containers_count() -> None:
    waiting = {"name": "init", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    assert list(troubles({"status": {"initContainerStatuses": [waiting]}})) == [("CrashLoopBackOff", "")]
