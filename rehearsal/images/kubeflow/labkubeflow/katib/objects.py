"""The objects that are made for an experiment; their names follow from what they are made for."""

from __future__ import annotations

import copy
import hashlib
import itertools
from collections.abc import Container, Iterator

from . import names, template
from .names import API, EXPERIMENT_LABEL, TRIAL_LABEL, Object


def new_names(experiment: Object, used: Container[str]) -> Iterator[str]:
    """Yield names for further trials of an experiment, always the same ones for the same names in use."""
    metadata = experiment["metadata"]
    for index in itertools.count():
        number = f"{metadata['uid']}/{index}"
        name = f"{metadata['name']}-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
        if name not in used:
            yield name


def suggestion(experiment: Object, spec: Object) -> Object:
    """Return the suggestion of an experiment, which has its name."""
    wanted = {"algorithm": spec["algorithm"], "requests": 0, "resumePolicy": spec["resumePolicy"]}
    if spec.get("earlyStopping"):
        wanted["earlyStopping"] = spec["earlyStopping"]
    return {
        "apiVersion": API,
        "kind": "Suggestion",
        "metadata": {
            "name": experiment["metadata"]["name"],
            "namespace": experiment["metadata"]["namespace"],
            "labels": dict(experiment["metadata"].get("labels") or {}),
            "ownerReferences": [names.owner(experiment)],
        },
        "spec": wanted,
    }


def trial(experiment: Object, spec: Object, entry: Object) -> Object:
    """Return the trial of a suggestion.

    Args:
        experiment: who it is for.
        spec: the experiment's, with defaults.
        entry: the suggestion: name, `parameterAssignments` and perhaps `earlyStoppingRules`.

    Raises:
        template.TemplateError: the experiment's template has a reference that leads nowhere.
    """
    metadata, made_from = experiment["metadata"], spec["trialTemplate"]
    assignment = {item["name"]: item["value"] for item in entry["parameterAssignments"]}
    values = template.values(made_from, assignment, entry["name"], metadata["namespace"])
    run = template.render(made_from["trialSpec"], values)
    run["metadata"] = {
        **(run.get("metadata") or {}),
        "name": entry["name"],
        "namespace": metadata["namespace"],
    }
    wanted = {
        "objective": spec["objective"],
        "parameterAssignments": entry["parameterAssignments"],
        "metricsCollector": spec["metricsCollectorSpec"],
        "primaryContainerName": made_from["primaryContainerName"],
        "successCondition": made_from["successCondition"],
        "failureCondition": made_from["failureCondition"],
        "retainRun": made_from.get("retain", False),
        "runSpec": run,
    }
    if made_from.get("primaryPodLabels"):
        wanted["primaryPodLabels"] = made_from["primaryPodLabels"]
    if entry.get("earlyStoppingRules"):
        wanted["earlyStoppingRules"] = entry["earlyStoppingRules"]
    return {
        "apiVersion": API,
        "kind": "Trial",
        "metadata": {
            "name": entry["name"],
            "namespace": metadata["namespace"],
            "labels": {**(metadata.get("labels") or {}), EXPERIMENT_LABEL: metadata["name"]},
            "ownerReferences": [names.owner(experiment)],
        },
        "spec": wanted,
    }


def job(trial: Object) -> Object:
    """Return the Job of a trial, which has its name; Job and pods carry labels that lead back to it."""
    made: Object = copy.deepcopy(trial["spec"]["runSpec"])
    labels = {
        EXPERIMENT_LABEL: trial["metadata"]["labels"][EXPERIMENT_LABEL],
        TRIAL_LABEL: trial["metadata"]["name"],
    }
    made["metadata"]["ownerReferences"] = [names.owner(trial)]
    for metadata in (made["metadata"], made["spec"]["template"].setdefault("metadata", {})):
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return made
