"""One pipeline of Python steps: parameters, an artifact, a condition, a parallel loop, and their results."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from lab.testing import flows
from lab.testing.objects import open_store
from lab.testing.pipelines import NOT_RUN, Pipelines, RunState
from lab.testing.steps import Step, overlap, run_pods, steps

pytestmark = [pytest.mark.pipelines, pytest.mark.timeout(1800)]

DEADLINE = 1500.0
"""Five steps, each of which installs the SDK before it starts."""

COUNT = 4


@pytest.fixture(scope="module")
def finished(run: Any, pipelines: Pipelines, experiment: str, packages: Any) -> RunState:
    """A run of the pipeline that has succeeded."""
    started = pipelines.start(
        experiment, f"sums {run.id}", packages("sums"), parameters={"count": COUNT}, caching=False
    )
    state = pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert state.state == "SUCCEEDED", state.describe()
    return state


@pytest.fixture(scope="module")
def said(run: Any, pipelines: Pipelines, finished: RunState, images: Any) -> dict[str, list[Step]]:
    """The steps that ran, by the name that each gives itself."""
    found: dict[str, list[Step]] = {}
    for step in steps(run.kube, pipelines.namespace, finished.id, images.python):
        assert step.result, f"{step.pod} said nothing: {step.log}"
        found.setdefault(step.result["step"], []).append(step)
    return found


def test_results_are_what_they_must_be(said: dict[str, list[Step]]) -> None:
    squares = [number**2 for number in range(1, COUNT + 1)]
    assert [step.result["total"] for step in said["draw"]] == [sum(squares)]
    picked = {step.result["position"]: step.result["picked"] for step in said["pick"]}
    assert picked == {position: squares[position - 1] for position in flows.LOOP}
    # The total went through two parameters on its way here.
    assert [step.result["total"] for step in said["tell"]] == [sum(squares)]


def test_only_the_branch_whose_condition_holds_ran(said: dict[str, list[Step]], finished: RunState) -> None:
    total = sum(number**2 for number in range(1, COUNT + 1))
    assert total > flows.THRESHOLD
    assert [step.result["branch"] for step in said["tell"]] == ["many"]
    assert any(task.state in NOT_RUN for task in finished.tasks), finished.describe()


def test_the_loop_is_parallel(said: dict[str, list[Step]]) -> None:
    assert len(said["pick"]) == len(flows.LOOP)
    assert any(overlap(one, other) for one, other in combinations(said["pick"], 2))


def test_each_step_is_a_pod_of_its_own(
    run: Any, pipelines: Pipelines, finished: RunState, said: dict[str, list[Step]]
) -> None:
    hosts = [step.result["host"] for found in said.values() for step in found]
    assert len(set(hosts)) == len(hosts) == 1 + len(flows.LOOP) + 1
    assert set(hosts) <= {
        pod["metadata"]["name"] for pod in run_pods(run.kube, pipelines.namespace, finished.id)
    }


def test_the_artifact_is_in_the_object_store(
    run: Any, settings: Any, pipelines: Pipelines, finished: RunState
) -> None:
    kubeflow = settings.provision_env["LAB_MODEL"]
    with open_store(run.kube, run.transport, kubeflow=kubeflow, profile=pipelines.namespace) as store:
        keys = [key for key in store.keys(finished.id) if key.endswith("/numbers")]
        assert len(keys) == 1
        assert "draw" in keys[0].split("/")
        assert json.loads(store.read(keys[0])) == [number**2 for number in range(1, COUNT + 1)]
