"""Experiments that end well: grid search, parallel trials, the best trial, a goal, early stopping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import pytest

from lab.testing import katib
from lab.testing.kube import Kube, Object
from lab.testing.pods import is_over

pytestmark = pytest.mark.katib

DEADLINE = 900.0
GONE = 240.0

GRID = {("0.5", "0"), ("0.5", "1"), ("2", "0"), ("2", "1")}
"""All combinations that `katib-grid.yaml` has."""


def loss_of(parameters: Mapping[str, str]) -> float:
    """Return what `katib-objective.yaml` prints for these parameters."""
    x, y = float(parameters["x"]), float(parameters.get("y", "0"))
    return (x - 2) ** 2 + (y - 0.9) ** 2


@pytest.fixture(scope="module")
def namespace(run: Any, profile: str, apply: Callable[..., list[Object]]) -> str:
    """The profile's namespace, with what the trials run."""
    run.kube.delete("v1", "ConfigMap", "objective", profile)
    apply("katib-objective.yaml", profile)
    return profile


@pytest.fixture(scope="module")
def grid(run: Any, namespace: str, apply: Callable[..., list[Object]]) -> Object:
    """An experiment over a grid that has succeeded."""
    apply("katib-grid.yaml", namespace)
    ended = katib.wait_for_end(run.kube, namespace, "grid", deadline=DEADLINE)
    assert katib.condition(ended, "Succeeded"), katib.describe(ended)
    return ended


def test_grid_tries_each_combination_once(kube: Kube, namespace: str, grid: Object) -> None:
    succeeded = katib.condition(grid, "Succeeded")
    assert succeeded is not None
    assert succeeded["reason"] in ("ExperimentMaxTrialsReached", "ExperimentSuggestionEndReached")
    tried = katib.trials(kube, namespace, "grid")
    assert grid["status"]["trialsSucceeded"] == len(tried) == len(GRID)
    assert {(trial.parameters["x"], trial.parameters["y"]) for trial in tried} == GRID


def test_metrics_are_those_of_the_objective(kube: Kube, namespace: str, grid: Object) -> None:
    assert katib.condition(grid, "Succeeded")
    for trial in katib.trials(kube, namespace, "grid"):
        assert "Succeeded" in trial.conditions
        assert trial.metrics["loss"] == pytest.approx(loss_of(trial.parameters), abs=1e-5)


def test_the_best_trial_is_the_minimum(kube: Kube, namespace: str, grid: Object) -> None:
    found = katib.best(grid)
    losses = {trial.name: trial.metrics["loss"] for trial in katib.trials(kube, namespace, "grid")}
    assert found.name == min(losses, key=lambda name: losses[name])
    assert found.parameters == {"x": "2", "y": "1"}
    assert found.metrics["loss"] == pytest.approx(loss_of(found.parameters), abs=1e-5)
    assert found.metrics["loss"] < sum(losses.values()) / len(losses)


def test_trials_run_in_parallel(kube: Kube, namespace: str, grid: Object) -> None:
    assert grid["spec"]["parallelTrialCount"] == 2
    tried = katib.trials(kube, namespace, "grid")
    assert any(one.overlaps(other) for one, other in combinations(tried, 2))
    # Never more than two at any time: of three, one has not begun when the others are at work.
    for three in combinations(tried, 3):
        assert not all(one.overlaps(other) for one, other in combinations(three, 2))


def test_each_trial_is_a_pod_of_its_own(kube: Kube, namespace: str, grid: Object) -> None:
    assert grid["spec"]["trialTemplate"]["retain"] is True
    for trial in katib.trials(kube, namespace, "grid"):
        pods = kube.list("v1", "Pod", namespace, labels=f"job-name={trial.name}")
        assert len(pods) == 1
        assert is_over(pods[0])
        assert pods[0]["status"]["phase"] == "Succeeded"


def test_deletion_cleans_up(kube: Kube, namespace: str, grid: Object) -> None:
    assert grid["metadata"]["name"] == "grid"
    assert katib.remains(kube, namespace, "grid")
    kube.delete(katib.API, "Experiment", "grid", namespace)
    katib.wait_until_gone(kube, namespace, "grid", deadline=GONE)


def test_random_search_ends_at_the_goal(
    kube: Kube, namespace: str, apply: Callable[..., list[Object]]
) -> None:
    apply("katib-goal.yaml", namespace)
    ended = katib.wait_for_end(kube, namespace, "goal", deadline=DEADLINE)
    succeeded = katib.condition(ended, "Succeeded")
    assert succeeded is not None, katib.describe(ended)
    assert succeeded["reason"] == "ExperimentGoalReached"
    assert ended["status"]["trials"] < ended["spec"]["maxTrialCount"]
    found = katib.best(ended)
    assert 0.5 <= float(found.parameters["x"]) <= 3.5
    assert found.metrics["loss"] == pytest.approx(loss_of(found.parameters), abs=1e-5)
    assert found.metrics["loss"] <= ended["spec"]["objective"]["goal"]
    kube.delete(katib.API, "Experiment", "goal", namespace)
    katib.wait_until_gone(kube, namespace, "goal", deadline=GONE)


def test_early_stopping(
    kube: Kube, settings: Any, namespace: str, apply: Callable[..., list[Object]]
) -> None:
    if not settings.edition.features.early_stopping:
        pytest.skip("this edition's Katib has no early stopping by medianstop")
    apply("katib-stopping.yaml", namespace)
    ended = katib.wait_for_end(kube, namespace, "stopping", deadline=DEADLINE)
    assert katib.condition(ended, "Succeeded"), katib.describe(ended)
    # The first trial has nothing to be compared with.
    first, second = katib.trials(kube, namespace, "stopping")
    assert "Succeeded" in first.conditions
    assert "EarlyStopped" in second.conditions
    assert ended["status"]["trialsEarlyStopped"] == 1
    kube.delete(katib.API, "Experiment", "stopping", namespace)
    katib.wait_until_gone(kube, namespace, "stopping", deadline=GONE)
