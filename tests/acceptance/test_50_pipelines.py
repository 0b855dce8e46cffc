"""Pipelines whose steps are shells: parameters between steps, and the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.testing.pipelines import NOT_RUN, Pipelines
from lab.testing.steps import Step, run_pods, steps

pytestmark = pytest.mark.pipelines

DEADLINE = 900.0
"""The first run on a lab pulls images."""


@pytest.fixture(scope="module")
def relay(packages: Any) -> Path:
    """A pipeline of two steps; the second one says what the first one wrote."""
    path: Path = packages("relay")
    return path


@pytest.fixture(scope="module")
def word(run: Any) -> str:
    """A parameter that no run before had, so that nothing of it can be in the cache."""
    return f"w{run.id}"


@pytest.fixture(scope="module")
def first_run(run: Any, pipelines: Pipelines, experiment: str, relay: Path, word: str) -> str:
    """A run that has succeeded."""
    started = pipelines.start(experiment, f"relay first {run.id}", relay, parameters={"word": word})
    state = pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert state.state == "SUCCEEDED", state.describe()
    return started


@pytest.fixture
def ran(run: Any, pipelines: Pipelines, images: Any) -> Any:
    """A function that returns the steps of a run that were pods of their own."""

    def find(started: str) -> list[Step]:
        return steps(run.kube, pipelines.namespace, started, images.shell)

    return find


def test_steps_hand_on_parameters(ran: Any, first_run: str, word: str) -> None:
    said = {step.result["step"]: step.result["text"] for step in ran(first_run)}
    assert said == {"double": f"{word} {word}", "say": f"{word} {word}"}


def test_each_step_is_a_pod_of_the_run(run: Any, pipelines: Pipelines, ran: Any, first_run: str) -> None:
    found = ran(first_run)
    hosts = [step.result["host"] for step in found]
    # A pod's host name is the pod's name: what a step says of itself is what Kubernetes says of it.
    assert hosts == [step.pod for step in found]
    assert len(set(hosts)) == 2
    pods = {pod["metadata"]["name"]: pod for pod in run_pods(run.kube, pipelines.namespace, first_run)}
    accounts = {pods[step.pod]["spec"]["serviceAccountName"] for step in found}
    assert accounts == {"default-editor"}


def test_second_run_comes_from_the_cache(
    run: Any, pipelines: Pipelines, experiment: str, relay: Path, word: str, ran: Any, first_run: str
) -> None:
    assert len(ran(first_run)) == 2
    again = pipelines.start(experiment, f"relay again {run.id}", relay, parameters={"word": word})
    state = pipelines.wait(run.kube, again, deadline=DEADLINE)
    assert state.state == "SUCCEEDED", state.describe()
    assert ran(again) == []
    assert sum(task.state in NOT_RUN for task in state.tasks) == 2, state.describe()


def test_no_cache_when_it_is_switched_off(
    run: Any, pipelines: Pipelines, experiment: str, relay: Path, word: str, ran: Any, first_run: str
) -> None:
    assert len(ran(first_run)) == 2
    anew = pipelines.start(
        experiment, f"relay anew {run.id}", relay, parameters={"word": word}, caching=False
    )
    state = pipelines.wait(run.kube, anew, deadline=DEADLINE)
    assert state.state == "SUCCEEDED", state.describe()
    assert sorted(step.result["step"] for step in ran(anew)) == ["double", "say"]
    assert not any(task.state in NOT_RUN for task in state.tasks), state.describe()
