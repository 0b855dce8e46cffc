from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lab.testing import katib
from lab.testing.katib import API, EXPERIMENT_LABEL
from lab.testing.waiting import WaitAborted, WaitTimeout

Object = dict[str, Any]


def held(kind: str, reason: str = "", *, status: str = "True") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": "m"}


def experiment(*conditions: Object, **status: Any) -> Object:
    return {"metadata": {"name": "e"}, "status": {"conditions": list(conditions), **status}}


def trial(name: str, start: str = "", end: str = "", *conditions: Object, loss: str = "0.5") -> Object:
    status: Object = {"conditions": list(conditions)}
    if start:
        status["startTime"] = f"2024-01-01T00:00:{start}Z"
    if end:
        status["completionTime"] = f"2024-01-01T00:00:{end}Z"
        status["observation"] = {"metrics": [{"name": "loss", "latest": loss, "min": loss, "max": loss}]}
    spec = {"parameterAssignments": [{"name": "x", "value": "2"}]}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


class FakeKube:
    """A namespace with experiments that change from one look to the next."""

    def __init__(self, states: Sequence[Object | None] = (), **kinds: list[Object]) -> None:
        self.states = list(states)
        self.kinds = kinds
        self.labels: list[str] = []

    def get(self, version: str, kind: str, name: str, namespace: str) -> Object | None:
        assert (version, namespace) == (API, "ns")
        if kind != "Experiment":
            return None
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def list(self, version: str, kind: str, namespace: str, *, labels: str = "") -> Sequence[Object]:
        assert namespace == "ns"
        self.labels.append(labels)
        return self.kinds.get(kind, [])


RUNNING = experiment(held("Created"), held("Running"), trialsRunning=2, trials=3)


@pytest.mark.parametrize("end", ["Succeeded", "Failed"])
def test_waits_for_either_end(clock: Any, end: str) -> None:
    # Whatever held before stays in the list, and the new condition is not always the last one.
    ended = experiment(held(end, "R"), held("Running", status="False"))
    kube: Any = FakeKube([None, RUNNING, ended])
    found = katib.wait_for_end(kube, "ns", "e", deadline=60, clock=clock)
    condition = katib.condition(found, end)
    assert condition is not None
    assert condition["reason"] == "R"
    assert katib.condition(found, "Running") is None


def test_the_deadline_says_how_far_it_was(clock: Any) -> None:
    kube: Any = FakeKube([RUNNING])
    with pytest.raises(WaitTimeout, match=r"Running \(: m\); trials 3; trialsRunning 2"):
        katib.wait_for_end(kube, "ns", "e", deadline=10, clock=clock)


def test_only_its_own_pods_are_watched_and_a_failed_one_is_no_trouble(clock: Any) -> None:
    def pod(name: str, phase: str, **state: Any) -> Object:
        status = {"phase": phase, "containerStatuses": [{"name": "c", "state": state}]}
        return {"metadata": {"name": name}, "status": status}

    crash = {"waiting": {"reason": "CrashLoopBackOff"}}
    others = [pod("other-1", "Running", **crash), pod("e-1", "Failed", terminated={"exitCode": 1})]
    ended = experiment(held("Failed", "ExperimentFailed"))
    kube: Any = FakeKube([RUNNING, ended], Pod=others)
    assert katib.wait_for_end(kube, "ns", "e", deadline=60, clock=clock) == ended

    kube = FakeKube([RUNNING], Pod=[pod("e-2", "Running", **crash)])
    with pytest.raises(WaitAborted, match="pod e-2: CrashLoopBackOff"):
        katib.wait_for_end(kube, "ns", "e", deadline=60, clock=clock)


def test_reads_trials_in_their_order() -> None:
    later = trial("e-b", "05", "09", held("Succeeded"), held("Running", status="False"))
    first = trial("e-c", "01", "06", held("MetricsUnavailable"), loss="unavailable")
    pending = trial("e-a")
    kube: Any = FakeKube(Trial=[pending, later, first])
    one, two, three = katib.trials(kube, "ns", "e")
    assert [one.name, two.name, three.name] == ["e-c", "e-b", "e-a"]
    assert (one.metrics, two.metrics, three.metrics) == ({}, {"loss": 0.5}, {})
    assert two.parameters == {"x": "2"}
    assert two.conditions == {"Succeeded"}
    assert one.overlaps(two)
    assert not one.overlaps(three)
    assert kube.labels == [f"{EXPERIMENT_LABEL}=e"]


def test_the_best_trial() -> None:
    optimal = {
        "bestTrialName": "e-c",
        "parameterAssignments": [{"name": "x", "value": "2"}],
        "observation": {"metrics": [{"name": "loss", "latest": "0.01"}]},
    }
    found = katib.best(experiment(currentOptimalTrial=optimal))
    assert (found.name, found.parameters, found.metrics) == ("e-c", {"x": "2"}, {"loss": 0.01})
    assert katib.best(experiment()).name == ""


def test_waits_until_nothing_is_left(clock: Any) -> None:
    kube: Any = FakeKube([RUNNING], Job=[{"metadata": {"name": "e-1"}}], Pod=[{"metadata": {"name": "f-1"}}])
    assert katib.remains(kube, "ns", "e") == ["Experiment e", "Job e-1"]
    with pytest.raises(WaitTimeout, match="Experiment e, Job e-1"):
        katib.wait_until_gone(kube, "ns", "e", deadline=5, clock=clock)
    gone: Any = FakeKube([None])
    katib.wait_until_gone(gone, "ns", "e", deadline=5, clock=clock)
