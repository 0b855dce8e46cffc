"""Trials that do worse than those before are stopped, where the experiment asks for it."""

from __future__ import annotations

import pytest
from labkubeflow.katib import medianstop
from labkubeflow.katib.metrics import parse
from labkubeflow.katib.reconcile import LOOK_SECONDS

from .conftest import JOBS, Lab, Object, condition, holds, make_spec

MINIMISE: Object = {"type": "minimize", "objectiveMetricName": "loss"}
MAXIMISE: Object = {"type": "maximize", "objectiveMetricName": "loss"}


def stopping(**settings: int) -> Object:
    pairs = [{"name": name, "value": str(value)} for name, value in settings.items()]
    return {"algorithmName": "medianstop", "algorithmSettings": pairs}


def test_the_rule_is_the_average_of_averages() -> None:
    wanted = stopping(min_trials_required=2, start_step=2)
    assert medianstop.rules(wanted, MINIMISE, [[1, 3, 100]]) == []
    rule = medianstop.rules(wanted, MINIMISE, [[1, 3, 100], [5, 7], []])[0]
    assert rule == {"name": "loss", "value": "4.0", "comparison": "greater", "startStep": 2}
    assert medianstop.rules(wanted, MAXIMISE, [[1], [2]])[0]["comparison"] == "less"
    assert medianstop.rules(stopping(), MINIMISE, [[1], [2]]) == []


@pytest.mark.parametrize(
    ("objective", "values", "stopped"),
    [
        (MINIMISE, [9], False),  # too early
        (MINIMISE, [9, 8], True),
        (MINIMISE, [1, 8], False),  # its best counts
        (MINIMISE, [9, 4], False),  # as good as the others
        (MAXIMISE, [1, 2], True),
        (MAXIMISE, [9, 2], False),
    ],
)
def test_when_it_stops(objective: Object, values: list[float], stopped: bool) -> None:
    rule = medianstop.rules(stopping(min_trials_required=1, start_step=2), objective, [[4, 4]])[0]
    log = "\n".join(f"loss={value}" for value in values)
    assert medianstop.stops(rule, objective, parse(log, ["loss"])) is stopped


def test_a_bad_trial_is_stopped_while_it_runs(lab: Lab) -> None:
    lab.create(
        make_spec(
            earlyStopping=stopping(min_trials_required=2, start_step=2), parallelTrialCount=1, maxTrialCount=4
        )
    )
    assert lab.rounds() is None
    for _ in range(2):
        lab.end_job(lab.jobs()[0], "loss=2\nloss=1\nloss=0.5")
        again = lab.rounds()
    assert again == LOOK_SECONDS
    trial = lab.trials()[-1]
    assert trial["spec"]["earlyStoppingRules"][0]["value"] == "1.5"
    job = lab.jobs()[0]
    lab.start_pod(job, "loss=9\n")
    lab.rounds()
    assert not holds(lab.trials()[2], "EarlyStopped")
    # A controller that was restarted knows as much.
    lab.restart()
    lab.start_pod(job, "loss=9\nloss=8\n")
    lab.rounds()
    stopped = lab.trials()[2]
    assert condition(stopped, "EarlyStopped")["reason"] == "TrialEarlyStopped"
    assert stopped["status"]["observation"]["metrics"][0]["min"] == "8"
    assert stopped["metadata"]["name"] not in [item["metadata"]["name"] for item in lab.api.of(JOBS)]
    lab.end_job(lab.jobs()[0], "loss=1\nloss=1")
    lab.rounds()
    status = lab.experiment()["status"]
    assert holds(lab.experiment(), "Succeeded")
    assert (status["trialsSucceeded"], status["trialsEarlyStopped"]) == (3, 1)
    assert status["earlyStoppedTrialList"] == [stopped["metadata"]["name"]]


def test_settings() -> None:
    assert medianstop.settings_errors(stopping(min_trials_required=1, start_step=1)) == []
    assert len(medianstop.settings_errors(stopping(min_trials_required=0, other=1))) == 2
