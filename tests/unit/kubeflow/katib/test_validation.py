"""What is refused, and with which words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.katib.cluster import Cluster
from labkubeflow.katib.operator import refusals
from labkubeflow.katib.validation import errors

from .conftest import SPACE, Api, Object, dry_run, make_experiment, make_spec, number

Change = Callable[[Object], object]


def refused(experiment: Object, old: Object | None = None) -> list[str]:
    return errors(experiment, old, lambda job: Cluster(Api()).try_job(SPACE, job))


def test_what_is_right_is_let_in() -> None:
    assert refused(make_experiment(make_spec())) == []


def setting(path: str, value: Any) -> Change:
    def change(spec: Object) -> None:
        *way, last = path.split(".")
        place: Any = spec
        for step in way:
            place = place[int(step) if step.isdecimal() else step]
        if value is None:
            del place[last]
        else:
            place[int(last) if last.isdecimal() else last] = value

    return change


CONTAINER = "trialTemplate.trialSpec.spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # trial template
        (setting("trialTemplate", None), "spec.trialTemplate: must be specified"),
        (setting("trialTemplate.primaryContainerName", None), "primaryContainerName: must be specified"),
        (setting("trialTemplate.primaryContainerName", "other"), 'trialSpec has no container "other"'),
        (setting("trialTemplate.trialSpec", None), "trialSpec: must be specified"),
        (setting("trialTemplate.trialSpec.kind", "PyTorchJob"), "PyTorchJob of batch/v1 is not supported"),
        (setting("trialTemplate.trialSpec.apiVersion", None), "apiVersion and kind must be specified"),
        (setting("trialTemplate.trialSpec.metadata", {"name": "x"}), "name and namespace must be left out"),
        (setting("trialTemplate.configMap", {"configMapName": "x"}), "configMap: is not supported"),
        (setting("trialTemplate.successCondition", "status.ok"), "successCondition: is not supported"),
        (setting(f"{CONTAINER}.imaage", "x"), "a Job has no field spec.template.spec.containers[0].imaage"),
        (
            setting("trialTemplate.trialSpec.spec.template.spec.restartPolicy", "Sometimes"),
            "spec.trialTemplate.trialSpec: spec.template.spec.restartPolicy",
        ),
        # its parameters
        (setting("trialTemplate.trialParameters", None), "trialParameters: must be specified"),
        (setting("trialTemplate.trialParameters.0.reference", "y"), '"y" is not in spec.parameters'),
        (setting("trialTemplate.trialParameters.0.reference", ""), "name and reference must be specified"),
        (setting("trialTemplate.trialParameters.0.name", "{x}"), "the name has no braces"),
        (
            setting("trialTemplate.trialParameters.0.name", "y"),
            'trialSpec does not use "${trialParameters.y}"',
        ),
        (setting(f"{CONTAINER}.args.0", "none"), 'trialSpec does not use "${trialParameters.p_x}"'),
        (
            setting(f"{CONTAINER}.args", ["--x=${trialParameters.p_x}", "${trialParameters.z}"]),
            '"${trialParameters.z}" is not in trialParameters',
        ),
        # the space
        (setting("parameters", []), "spec.parameters: must be specified"),
        (setting("parameters.0.parameterType", "float"), "spec.parameters[0].parameterType"),
        (setting("parameters.0.feasibleSpace", {}), "spec.parameters[0].feasibleSpace: must be specified"),
        (setting("parameters.0.feasibleSpace.max", None), "feasibleSpace.max: must be specified"),
        (setting("parameters.0.feasibleSpace.min", "2"), "min 2 is greater than max 1"),
        (setting("parameters.0.feasibleSpace.min", "low"), '"low" is no number'),
        (setting("parameters.0.feasibleSpace.max", "inf"), "no finite number"),
        (
            setting("parameters.0.feasibleSpace.list", ["1"]),
            "list: is not supported for parameterType double",
        ),
        (setting("parameters.0.feasibleSpace.step", "-1"), "step: must be greater than 0"),
        (setting("parameters.0.feasibleSpace.distribution", "normal"), "distribution: is not supported"),
        (setting("parameters.0", number("x", "0.5", "2", "int")), '"0.5" is no whole number'),
        (
            setting("parameters.0.parameterType", "categorical"),
            "min: is not supported for parameterType categorical",
        ),
        (
            setting(
                "parameters.0", {"name": "x", "parameterType": "discrete", "feasibleSpace": {"list": ["a"]}}
            ),
            '"a" is no number',
        ),
        # objective and algorithm
        (setting("objective", None), "spec.objective: must be specified"),
        (setting("objective.type", "smaller"), "must be minimize or maximize"),
        (setting("objective.objectiveMetricName", None), "objectiveMetricName: must be specified"),
        (setting("objective.additionalMetricNames", ["loss"]), '"loss" is the objective\'s own metric'),
        (setting("algorithm", None), "algorithmName: must be specified"),
        (setting("algorithm.algorithmName", "cmaes"), 'algorithm "cmaes" is not one of'),
        (
            setting("algorithm.algorithmSettings", [{"name": "temperature", "value": "1"}]),
            'no setting "temperature"',
        ),
        (setting("nasConfig", {"graphConfig": {"numLayers": 1}}), "neural architecture search is not"),
        # counts
        (setting("parallelTrialCount", 7), "7 is greater than spec.maxTrialCount, 6"),
        (setting("maxFailedTrialCount", 7), "7 is greater than spec.maxTrialCount, 6"),
        (setting("maxFailedTrialCount", -1), "-1 is less than 0"),
        (setting("maxTrialCount", 0), "0 is less than 1"),
        (setting("parallelTrialCount", 0), "0 is less than 1"),
        # the rest
        (setting("resumePolicy", "FromVolume"), '"FromVolume" is not supported'),
        (setting("earlyStopping", {"algorithmName": "hyperband"}), '"hyperband" is not supported'),
        (
            setting(
                "earlyStopping",
                {
                    "algorithmName": "medianstop",
                    "algorithmSettings": [{"name": "start_step", "value": "0"}],
                },
            ),
            "start_step",
        ),
        (
            lambda spec: (
                setting("earlyStopping", {"algorithmName": "medianstop"})(spec),
                setting("trialTemplate.retain", True)(spec),
            ),
            "retain: together with earlyStopping",
        ),
        (setting("metricsCollectorSpec", {"collector": {"kind": "File"}}), 'kind: "File" is not supported'),
        (
            setting(
                "metricsCollectorSpec",
                {"collector": {"kind": "StdOut"}, "source": {"filter": {"metricsFormat": ["loss=(.*)"]}}},
            ),
            "must have two groups",
        ),
        (
            setting(
                "metricsCollectorSpec",
                {"collector": {"kind": "StdOut"}, "source": {"filter": {"metricsFormat": ["(a)(b"]}}},
            ),
            "is no regular expression",
        ),
        (
            setting(
                "metricsCollectorSpec",
                {"collector": {"kind": "StdOut"}, "source": {"fileSystemPath": {"path": "/x"}}},
            ),
            "fileSystemPath: the collector StdOut has no use for it",
        ),
    ],
)
def test_what_is_wrong_is_named(change: Change, words: str) -> None:
    spec = copy.deepcopy(make_spec())
    change(spec)
    found = refused(make_experiment(spec))
    assert any(words in text for text in found), found


def test_all_that_is_wrong_is_told_at_once() -> None:
    spec = make_spec(maxTrialCount=0, algorithm={"algorithmName": "none"})
    assert len(refused(make_experiment(spec))) >= 2


def test_a_parameter_that_no_trial_would_get_is_refused() -> None:
    spec = make_spec(number("x"), number("y"))
    spec["trialTemplate"]["trialParameters"].pop()
    spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]["args"].pop()
    assert any('no reference to the parameter "y"' in text for text in refused(make_experiment(spec)))


@pytest.mark.parametrize(
    ("name", "fine"), [("abc-1", True), ("1abc", False), ("a.b", False), ("a" * 54, True), ("a" * 55, False)]
)
def test_names(name: str, fine: bool) -> None:
    experiment = make_experiment(make_spec())
    experiment["metadata"]["name"] = name
    assert (refused(experiment) == []) is fine


def ended(reason: str) -> Object:
    return {"conditions": [{"type": "Succeeded", "status": "True", "reason": reason}], "trials": 6}


@pytest.mark.parametrize(
    ("policy", "reason", "count", "words"),
    [
        ("LongRunning", "ExperimentMaxTrialsReached", 9, ""),
        ("LongRunning", "ExperimentMaxTrialsReached", 5, "greater than status.trials, 6"),
        ("LongRunning", "ExperimentGoalReached", 9, "can be changed only if"),
        ("Never", "ExperimentMaxTrialsReached", 9, "can be changed only if"),
    ],
)
def test_completed_experiments_change_only_to_go_on(policy: str, reason: str, count: int, words: str) -> None:
    spec = make_spec(resumePolicy=policy)
    old = make_experiment(spec, **ended(reason))
    new = make_experiment({**spec, "maxTrialCount": count}, **ended(reason))
    found = refused(new, old)
    assert any(words in text for text in found) if words else found == []


def test_other_fields_cannot_be_changed() -> None:
    old = make_experiment(make_spec())
    assert refused(make_experiment(make_spec(parallelTrialCount=1)), old) == []
    changed = make_experiment(make_spec(algorithm={"algorithmName": "tpe"}))
    assert any("can be changed" in text for text in refused(changed, old))


def test_an_experiment_that_goes_is_not_judged() -> None:
    experiment = make_experiment({})
    experiment["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert refusals(Cluster(Api()), experiment, None) == []
    # Labels of one that got in unasked can be changed.
    assert refusals(Cluster(Api()), make_experiment({}), make_experiment({})) == []


def test_trouble_with_the_api_server_is_no_verdict() -> None:
    def broken(_: Object) -> Object:
        raise KubeError(0, "", "cannot be reached")

    with pytest.raises(KubeError):
        errors(make_experiment(make_spec()), None, broken)


def test_the_job_that_is_tried_has_values_and_a_name() -> None:
    seen: list[Object] = []

    def look(job: Object) -> Object:
        seen.append(job)
        return dry_run(job)

    assert errors(make_experiment(make_spec()), None, look) == []
    assert seen[0]["metadata"]["name"] == "exp-dry-run"
    assert seen[0]["spec"]["template"]["spec"]["containers"][0]["args"] == ["--x=1"]
