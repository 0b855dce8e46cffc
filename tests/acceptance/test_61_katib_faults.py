"""Experiments that go wrong, and how that shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.editions import Images
from lab.testing import katib, manifests
from lab.testing.admission import refusal
from lab.testing.kube import Kube, Object

pytestmark = pytest.mark.katib

DEADLINE = 600.0
GONE = 240.0


@pytest.fixture(scope="module")
def namespace(run: Any, profile: str, apply: Callable[..., list[Object]]) -> str:
    """The profile's namespace, with what the trials run."""
    run.kube.delete("v1", "ConfigMap", "objective", profile)
    apply("katib-objective.yaml", profile)
    return profile


@pytest.mark.parametrize(
    ("name", "counted", "shown"),
    [
        pytest.param("failing", "trialsFailed", "Failed", id="trials fail"),
        pytest.param("silent", "trialMetricsUnavailable", "MetricsUnavailable", id="metrics are missing"),
    ],
)
def test_too_many_bad_trials_fail_the_experiment(
    kube: Kube,
    namespace: str,
    apply: Callable[..., list[Object]],
    name: str,
    counted: str,
    shown: str,
) -> None:
    apply(f"katib-{name}.yaml", namespace)
    ended = katib.wait_for_end(kube, namespace, name, deadline=DEADLINE)
    failed = katib.condition(ended, "Failed")
    assert failed is not None, katib.describe(ended)
    assert failed["reason"] == "ExperimentFailed"
    assert not katib.condition(ended, "Succeeded")
    tried = katib.trials(kube, namespace, name)
    assert len(tried) < ended["spec"]["maxTrialCount"]
    assert any(shown in trial.conditions for trial in tried)
    assert not any("Succeeded" in trial.conditions for trial in tried)
    assert ended["status"][counted] >= 1
    assert "loss" not in katib.best(ended).metrics
    kube.delete(katib.API, "Experiment", name, namespace)
    katib.wait_until_gone(kube, namespace, name, deadline=GONE)


def _unknown_parameter(spec: Object) -> None:
    spec["trialTemplate"]["trialParameters"][0]["reference"] = "z"


def _nothing_filled_in(spec: Object) -> None:
    container = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["command"] = ["python3", "/objective/objective.py", "--x=1"]


def _unknown_field(spec: Object) -> None:
    container = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["imaage"] = container["image"]


def _unknown_algorithm(spec: Object) -> None:
    spec["algorithm"]["algorithmName"] = "guesswork"


def _no_objective_metric(spec: Object) -> None:
    spec["objective"]["objectiveMetricName"] = ""


def _unknown_early_stopping(spec: Object) -> None:
    spec["earlyStopping"] = {"algorithmName": "impatience"}


@pytest.mark.parametrize(
    "spoil",
    [
        _unknown_parameter,
        _nothing_filled_in,
        _unknown_field,
        _unknown_algorithm,
        _no_objective_metric,
        _unknown_early_stopping,
    ],
    ids=lambda spoil: spoil.__name__.strip("_").replace("_", " "),
)
def test_an_invalid_experiment_is_refused(
    run: Any,
    kube: Kube,
    namespace: str,
    pytestconfig: pytest.Config,
    images: Images,
    spoil: Callable[[Object], None],
) -> None:
    path = Path(pytestconfig.rootpath, "tests", "acceptance", "manifests", "katib-goal.yaml")
    (item,) = manifests.load(path, namespace=namespace, run=run.id, images=images.model_dump())
    item["metadata"]["name"] = "refused"
    spoil(item["spec"])
    # By webhook or schema, for what it says.
    assert re.search(r"denied the request|is invalid", refusal(kube, item).message)
    assert kube.get(katib.API, "Experiment", "refused", namespace) is None
