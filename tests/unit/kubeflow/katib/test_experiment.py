"""An experiment from its beginning to its end, on an API server in memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from labkubeflow.common.kube import KubeError

from .conftest import (
    EXPERIMENTS,
    JOBS,
    SPACE,
    SUGGESTIONS,
    TRIALS,
    Lab,
    Object,
    condition,
    holds,
    make_spec,
    number,
    parameters_of,
)


def bowl(given: dict[str, float]) -> str:
    return f"start\nloss={(given['x'] - 0.3) ** 2}\n"


def test_it_succeeds_when_all_trials_are_made(lab: Lab) -> None:
    lab.create(make_spec())
    found = lab.run(bowl)
    status = found["status"]
    assert holds(found, "Created")
    assert condition(found, "Running")["status"] == "False"
    assert condition(found, "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
    assert status["conditions"][-1]["type"] == "Succeeded"
    assert (status["trials"], status["trialsSucceeded"]) == (6, 6)
    assert sorted(status["succeededTrialList"]) == sorted(item["metadata"]["name"] for item in lab.trials())
    assert "trialsRunning" not in status
    assert status["startTime"] <= status["completionTime"]
    assert lab.most_at_a_time == 2


def test_the_best_trial_is_told_with_what_it_was_given(lab: Lab) -> None:
    lab.create(make_spec())
    best = lab.run(bowl)["status"]["currentOptimalTrial"]
    values = {
        item["metadata"]["name"]: float(item["status"]["observation"]["metrics"][0]["latest"])
        for item in lab.trials()
    }
    assert values[best["bestTrialName"]] == min(values.values())
    x = float(best["parameterAssignments"][0]["value"])
    assert float(best["observation"]["metrics"][0]["min"]) == pytest.approx((x - 0.3) ** 2)


def test_a_goal_that_is_reached_ends_it_early(lab: Lab) -> None:
    objective = {"type": "maximize", "objectiveMetricName": "score", "goal": 0.9}
    lab.create(make_spec(objective=objective, maxTrialCount=50))
    scores = iter([0.1, 0.95, 0.2, 0.3])
    found = lab.run(lambda _: f"score={next(scores)}")
    assert condition(found, "Succeeded")["reason"] == "ExperimentGoalReached"
    # The trial that ran beside it comes to its own end, as in Katib; no further one is made.
    assert found["status"]["trials"] == 3
    assert found["status"]["trialsSucceeded"] == 3
    assert found["status"]["currentOptimalTrial"]["observation"]["metrics"][0]["latest"] == "0.95"


def test_a_goal_counts_more_than_failures(lab: Lab) -> None:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 1}
    lab.create(make_spec(objective=objective, maxFailedTrialCount=1, parallelTrialCount=2))
    lab.rounds()
    one, two = lab.jobs()
    lab.end_job(one, None)
    lab.end_job(two, "loss=0.5")
    lab.rounds()
    assert condition(lab.experiment(), "Succeeded")["reason"] == "ExperimentGoalReached"


def test_too_many_failures_end_it_badly(lab: Lab) -> None:
    lab.create(make_spec(maxFailedTrialCount=2, parallelTrialCount=1))
    found = lab.run(lambda _: None)
    failed = condition(found, "Failed")
    assert (failed["status"], failed["reason"]) == ("True", "ExperimentFailed")
    assert (found["status"]["trials"], found["status"]["trialsFailed"]) == (2, 2)
    trial = condition(lab.trials()[0], "Failed")
    assert trial["reason"] == "TrialFailed. Job reason: BackoffLimitExceeded"
    assert trial["message"].endswith("Job message: Job has reached the specified backoff limit")


def test_some_failures_are_put_up_with(lab: Lab) -> None:
    lab.create(make_spec(maxFailedTrialCount=3))
    lines = iter([None, "loss=1", None, "loss=2", "loss=3", "loss=4"])
    found = lab.run(lambda _: next(lines))
    assert condition(found, "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
    assert (found["status"]["trialsSucceeded"], found["status"]["trialsFailed"]) == (4, 2)


def test_a_missing_metric_is_told_and_counts_as_failure(lab: Lab) -> None:
    lab.create(make_spec(maxFailedTrialCount=1, parallelTrialCount=1))
    found = lab.run(lambda _: "accuracy=1\n")
    assert condition(found, "Failed")["reason"] == "ExperimentFailed"
    assert found["status"]["trialMetricsUnavailable"] == 1
    trial = lab.trials()[0]
    assert found["status"]["metricsUnavailableTrialList"] == [trial["metadata"]["name"]]
    assert condition(trial, "MetricsUnavailable")["reason"] == "MetricsUnavailable"
    assert trial["status"]["observation"]["metrics"][0]["latest"] == "unavailable"
    assert any('"loss="' in event["message"] for event in lab.api.events)


def test_without_the_namespaces_label_no_metrics_are_collected(lab: Lab) -> None:
    lab.api.put(f"/api/v1/namespaces/{SPACE}", {"metadata": {"name": SPACE}})
    lab.create(make_spec(parallelTrialCount=1))
    lab.reconciler.experiment(SPACE, "exp")
    lab.reconciler.experiment(SPACE, "exp")
    lab.end_job(lab.jobs()[0], "loss=1")
    lab.reconciler.experiment(SPACE, "exp")
    assert holds(lab.trials()[0], "Running")
    assert any(
        "katib.kubeflow.org/metrics-collector-injection=enabled" in event["message"]
        for event in lab.api.events
    )


def test_the_log_of_the_primary_container_counts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec(parallelTrialCount=1, maxTrialCount=1, maxFailedTrialCount=1)
    containers = spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "side", "image": "busybox"})
    spec["trialTemplate"]["primaryContainerName"] = "side"
    lab.create(spec)
    seen = []
    real = lab.api.text

    def text(path: str, *, query: Mapping[str, str] | None = None) -> str:
        seen.append((query or {})["container"])
        return real(path, query=query)

    monkeypatch.setattr(lab.api, "text", text)
    assert holds(lab.run(bowl), "Succeeded")
    assert seen == ["side"]


def test_primary_pod_labels_choose_the_pod(lab: Lab) -> None:
    spec = make_spec(parallelTrialCount=1, maxTrialCount=1, maxFailedTrialCount=1)
    spec["trialTemplate"]["primaryPodLabels"] = {"role": "chief"}
    lab.create(spec)
    assert holds(lab.run(bowl), "Failed")
    spec["trialTemplate"]["trialSpec"]["spec"]["template"]["metadata"] = {"labels": {"role": "chief"}}
    lab.create(spec, "two")
    assert holds(lab.run(bowl, "two"), "Succeeded")


def test_a_grid_without_limit_ends_with_its_last_combination(lab: Lab) -> None:
    spec = make_spec(number("x", "1", "3", "int"), algorithm={"algorithmName": "grid"})
    del spec["maxTrialCount"], spec["maxFailedTrialCount"]
    lab.create(spec)
    seen = []

    def outcome(given: dict[str, float]) -> str:
        seen.append(given["x"])
        return "loss=1"

    found = lab.run(outcome)
    assert condition(found, "Succeeded")["reason"] == "ExperimentSuggestionEndReached"
    assert seen == [1, 2, 3]


def test_jobs_go_when_their_trial_has_ended_unless_they_are_to_be_kept(lab: Lab) -> None:
    lab.create(make_spec())
    lab.run(bowl)
    assert lab.api.of(JOBS) == []
    spec = make_spec(maxTrialCount=2, maxFailedTrialCount=2)
    spec["trialTemplate"]["retain"] = True
    lab.create(spec, "kept")
    lab.run(bowl, "kept")
    assert len(lab.api.of(JOBS)) == 2


def test_jobs_are_those_of_the_template(lab: Lab) -> None:
    spec = make_spec()
    template = spec["trialTemplate"]
    template["trialSpec"]["metadata"] = {"annotations": {"team": "blue"}}
    template["trialParameters"] += [
        {"name": "own", "reference": "${trialSpec.Name}"},
        {"name": "team", "reference": "${trialSpec.Annotations[team]}"},
    ]
    arguments = template["trialSpec"]["spec"]["template"]["spec"]["containers"][0]["args"]
    arguments += ["${trialParameters.own}", "${trialParameters.team}"]
    lab.create(spec)
    lab.rounds()
    job = lab.jobs()[0]
    trial = next(item for item in lab.trials() if item["metadata"]["name"] == job["metadata"]["name"])
    value = trial["spec"]["parameterAssignments"][0]["value"]
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments == [f"--x={value}", job["metadata"]["name"], "blue"]
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["katib.kubeflow.org/trial"] == job["metadata"]["name"]
        assert metadata["labels"]["katib.kubeflow.org/experiment"] == "exp"


def test_all_goes_with_the_experiment(lab: Lab) -> None:
    lab.create(make_spec())
    lab.run(bowl, most=3)
    assert lab.trials()
    assert lab.api.of(JOBS)
    lab.api.request("DELETE", f"{EXPERIMENTS}/exp")
    assert [lab.api.of(kind) for kind in (TRIALS, SUGGESTIONS, JOBS)] == [[], [], []]
    assert lab.rounds() is None


def test_the_suggestion_ends_with_the_experiment_or_goes_on(lab: Lab) -> None:
    lab.create(make_spec())
    lab.run(bowl)
    suggestion = lab.suggestion()
    assert holds(suggestion, "Succeeded")
    assert not holds(suggestion, "Running")
    assert suggestion["spec"]["requests"] == suggestion["status"]["suggestionCount"] == 6
    lab.create(make_spec(resumePolicy="LongRunning"), "long")
    lab.run(bowl, "long")
    assert holds(lab.suggestion("long"), "Running")


def test_a_long_running_experiment_takes_up_more_trials(lab: Lab) -> None:
    spec = make_spec(resumePolicy="LongRunning", maxTrialCount=2, maxFailedTrialCount=2)
    lab.create(spec)
    lab.run(bowl)
    path = f"{EXPERIMENTS}/exp"
    lab.api.put(path, {**lab.experiment(), "spec": {**spec, "maxTrialCount": 4}})
    lab.rounds()
    found = lab.experiment()
    assert holds(found, "Restarting")
    assert holds(found, "Running")
    assert not condition(found, "Succeeded")
    found = lab.run(bowl)
    assert condition(found, "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
    assert found["status"]["trialsSucceeded"] == 4


def test_fewer_parallel_trials_take_the_youngest_back(lab: Lab) -> None:
    spec = make_spec(parallelTrialCount=3)
    lab.create(spec)
    lab.rounds()
    before = [item["metadata"]["name"] for item in lab.trials()]
    lab.api.put(f"{EXPERIMENTS}/exp", {**lab.experiment(), "spec": {**spec, "parallelTrialCount": 1}})
    lab.rounds()
    assert [item["metadata"]["name"] for item in lab.trials()] == before[:1]
    assert len(lab.jobs()) == 1
    assert holds(lab.run(bowl), "Succeeded")
    assert len(lab.trials()) == 6


def test_what_got_in_while_nobody_was_asked_fails(lab: Lab) -> None:
    spec = make_spec()
    spec["trialTemplate"]["primaryContainerName"] = ""
    lab.create(spec)
    found = lab.run(bowl)
    assert "primaryContainerName" in condition(found, "Failed")["message"]
    assert lab.trials() == []


def test_defaults_hold_when_nobody_put_them_in(lab: Lab) -> None:
    spec = make_spec()
    del spec["parallelTrialCount"]
    lab.create(spec)
    assert holds(lab.run(bowl), "Succeeded")
    assert lab.most_at_a_time == 3


def test_a_job_that_is_refused_fails_its_trial(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.create(make_spec(maxFailedTrialCount=1, parallelTrialCount=1))
    lab.reconciler.experiment(SPACE, "exp")
    real = lab.api.request

    def refuse(method: str, path: str, *args: Any, **more: Any) -> Object:
        if method == "POST" and path == JOBS:
            raise KubeError(422, "Invalid", "spec.template: Invalid value")
        return real(method, path, *args, **more)

    monkeypatch.setattr(lab.api, "request", refuse)
    lab.rounds()
    assert holds(lab.experiment(), "Failed")
    assert "Invalid value" in condition(lab.trials()[0], "Failed")["message"]


def test_a_job_of_an_earlier_trial_of_this_name_is_not_taken_for_its_own(lab: Lab) -> None:
    lab.create(make_spec(parallelTrialCount=1))
    lab.rounds()
    job = lab.jobs()[0]
    trial = lab.trials()[0]["metadata"]["name"]
    lab.api.request("DELETE", f"{TRIALS}/{trial}")
    # The garbage collector has not come by yet.
    lab.end_job(job, "loss=0")
    lab.rounds()
    assert "observation" not in lab.trials()[0]["status"]
    lab.api.request("DELETE", f"{JOBS}/{trial}")
    assert holds(lab.run(bowl), "Succeeded")


@pytest.mark.parametrize(("algorithm", "first"), [("random", 1), ("tpe", 2), ("grid", 3)])
def test_a_controller_that_ends_at_any_point_changes_nothing(algorithm: str, first: int) -> None:
    spec = make_spec(
        number("x", "0", "8", "int"),
        algorithm={"algorithmName": algorithm},
        maxTrialCount=4,
        maxFailedTrialCount=2,
    )

    def result(broken: int | None) -> list[dict[str, float]]:
        lab = Lab()
        lab.create(copy.deepcopy(spec))
        lab.api.objects[f"{EXPERIMENTS}/exp"]["metadata"]["uid"] = "the-same"
        count = 0

        def fail(method: str, path: str) -> bool:
            nonlocal count
            count += method != "GET" and not path.endswith("/events")
            return count == broken and method != "GET"

        lab.api.fail_on = fail
        seen = []
        for _ in range(60):
            try:
                lab.rounds()
            except KubeError:
                lab.restart()
                continue
            going = lab.jobs()
            if not going:
                break
            seen.append(parameters_of(going[0]))
            lab.end_job(going[0], f"loss={seen[-1]['x']}")
        assert condition(lab.experiment(), "Succeeded")["reason"] == "ExperimentMaxTrialsReached"
        assert len(lab.trials()) == 4
        assert lab.experiment()["status"]["trialsSucceeded"] == 4
        return sorted(seen, key=lambda given: given["x"])

    whole = result(None)
    # Each write is the last one of some controller; the algorithms share them, for it takes its time.
    for broken in range(first, 45, 3):
        assert result(broken) == whole
