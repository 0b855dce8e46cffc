"""What is wrong with an experiment, before anything is made for it.

Rules: kubeflow/katib pkg/webhook/v1beta1/experiment/validator/validator.go. What Katib has and this stand-in
does not is refused here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import names, restart
from .conditions import completed
from .medianstop import settings_errors
from .names import Object
from .search import Search, SearchError
from .space import Parameter, SpaceError
from .template import METADATA, TemplateError, lost, placeholders, render, values

DryRun = Callable[[Object], Object]
"""Asks the API server what it would make of a manifest; raises `TemplateError` when it would refuse it."""

NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
NAME_LENGTH = 54
"""Trials add nine characters, and their Jobs' names are values of labels: 63 at most."""

_HERE = "is not supported by this rehearsal's Katib"


def errors(experiment: Object, old: Object | None, dry_run: DryRun) -> list[str]:
    """Return what is wrong with an experiment, a sentence an error that begins with the field.

    Args:
        experiment: the experiment, with its defaults.
        old: what it was before, with defaults, if it is changed.
        dry_run: see `DryRun`.
    """
    spec = experiment.get("spec") or {}
    found = _name(experiment) + _counts(spec)
    if old is not None and old.get("spec") != spec:
        found += _changes(spec, old)
    found += _objective(spec.get("objective"))
    parameters, wrong = _parameters(spec.get("parameters") or [])
    found += wrong
    if spec.get("nasConfig"):
        found.append(f"spec.nasConfig: neural architecture search {_HERE}")
    elif not spec.get("parameters"):
        found.append("spec.parameters: must be specified")
    if not wrong:
        found += _algorithm(spec, parameters)
    found += _early_stopping(spec) + _collector(spec) + _resume(spec)
    template = spec.get("trialTemplate")
    found += (
        _template(template, experiment, dry_run) if template else ["spec.trialTemplate: must be specified"]
    )
    return found


def _name(experiment: Object) -> list[str]:
    name = experiment["metadata"].get("name") or ""
    # The API server has not made one up yet when only its beginning is given.
    if not name and experiment["metadata"].get("generateName"):
        return []
    if not NAME.match(name):
        return [f'metadata.name: "{name}" must begin with a letter, and have none but a-z, 0-9 and "-"']
    if len(name) > NAME_LENGTH:
        return [f"metadata.name: must have no more than {NAME_LENGTH} characters"]
    return []


def _counts(spec: Object) -> list[str]:
    found = []
    most = spec.get("maxTrialCount")
    for field, least in (("maxFailedTrialCount", 0), ("maxTrialCount", 1), ("parallelTrialCount", 1)):
        value = spec.get(field)
        if value is None:
            continue
        if value < least:
            found.append(f"spec.{field}: {value} is less than {least}")
        if most is not None and value > most:
            found.append(f"spec.{field}: {value} is greater than spec.maxTrialCount, {most}")
    return found


def _changes(spec: Object, old: Object) -> list[str]:
    status = old.get("status") or {}
    found = []
    if completed(status) and not restart.possible(old["spec"], status):
        found.append(
            "spec: a completed experiment can be changed only if it succeeded because maxTrialCount was "
            "reached, and its resumePolicy is LongRunning"
        )
    trials = status.get("trials", 0)
    if spec.get("maxTrialCount") is not None and spec["maxTrialCount"] <= trials:
        found.append(f"spec.maxTrialCount: must be greater than status.trials, {trials}")
    if {**old["spec"], **restart.changeable(spec)} != {**spec, **restart.changeable(spec)}:
        found.append(f"spec: only {', '.join(restart.CHANGEABLE)} can be changed")
    return found


def _objective(objective: Object | None) -> list[str]:
    if not objective:
        return ["spec.objective: must be specified"]
    found = []
    if objective.get("type") not in ("minimize", "maximize"):
        found.append("spec.objective.type: must be minimize or maximize")
    name = objective.get("objectiveMetricName")
    if not name:
        found.append("spec.objective.objectiveMetricName: must be specified")
    elif name in objective.get("additionalMetricNames", []):
        found.append(f'spec.objective.additionalMetricNames: "{name}" is the objective\'s own metric')
    return found


def _parameters(data: list[Object]) -> tuple[list[Parameter], list[str]]:
    parameters: list[Parameter] = []
    found = []
    for index, item in enumerate(data):
        field = f"spec.parameters[{index}]"
        try:
            parameter = Parameter.read(item)
        except SpaceError as error:
            found.append(f"{field}.{error.field}: {error}")
            continue
        if any(known.name == parameter.name for known in parameters):
            found.append(f'{field}.name: "{parameter.name}" is there twice')
        parameters.append(parameter)
    return parameters, found


def _algorithm(spec: Object, parameters: list[Parameter]) -> list[str]:
    algorithm = spec.get("algorithm") or {}
    name = algorithm.get("algorithmName")
    if not name:
        return ["spec.algorithm.algorithmName: must be specified"]
    settings = {item["name"]: item["value"] for item in algorithm.get("algorithmSettings", [])}
    try:
        Search(name, settings, parameters, maximise=False, salt="").check(spec.get("maxTrialCount"))
    except SearchError as error:
        return [f"spec.algorithm: {error}"]
    return []


def _early_stopping(spec: Object) -> list[str]:
    stopping = spec.get("earlyStopping")
    if not stopping:
        return []
    name = stopping.get("algorithmName")
    if name != "medianstop":
        return [f'spec.earlyStopping.algorithmName: "{name}" {_HERE}; medianstop is']
    found = [f"spec.earlyStopping.algorithmSettings: {text}" for text in settings_errors(stopping)]
    if (spec.get("trialTemplate") or {}).get("retain"):
        # A trial is stopped by deleting its Job.
        found.append(f"spec.trialTemplate.retain: together with earlyStopping {_HERE}")
    return found


def _collector(spec: Object) -> list[str]:
    collector = spec["metricsCollectorSpec"]
    kind = collector["collector"].get("kind")
    if kind != "StdOut":
        return [f'spec.metricsCollectorSpec.collector.kind: "{kind}" {_HERE}; StdOut is']
    source = collector.get("source") or {}
    found = [
        f"spec.metricsCollectorSpec.source.{field}: the collector StdOut has no use for it"
        for field in ("httpGet", "fileSystemPath")
        if source.get(field)
    ]
    for text in (source.get("filter") or {}).get("metricsFormat", []):
        field = "spec.metricsCollectorSpec.source.filter.metricsFormat"
        try:
            groups = re.compile(text).groups
        except re.error as error:
            found.append(f'{field}: "{text}" is no regular expression: {error}')
            continue
        if groups < 2:
            found.append(f'{field}: "{text}" must have two groups, for the name and the value')
    return found


def _resume(spec: Object) -> list[str]:
    policy = spec["resumePolicy"]
    if policy in ("Never", "LongRunning"):
        return []
    return [f'spec.resumePolicy: "{policy}" {_HERE}; Never and LongRunning are']


def _template(template: Object, experiment: Object, dry_run: DryRun) -> list[str]:
    field = "spec.trialTemplate"
    found = []
    if not template.get("primaryContainerName"):
        found.append(f"{field}.primaryContainerName: must be specified")
    if template.get("configMap"):
        return [*found, f"{field}.configMap: {_HERE}; trialSpec is"]
    spec = template.get("trialSpec")
    if not spec:
        return [*found, f"{field}.trialSpec: must be specified"]
    kind, version = spec.get("kind"), spec.get("apiVersion")
    if not kind or not version:
        return [*found, f"{field}.trialSpec: apiVersion and kind must be specified"]
    if (version, kind) != ("batch/v1", "Job"):
        return [*found, f"{field}.trialSpec: {kind} of {version} {_HERE}; Job of batch/v1 is"]
    found += [
        f"{field}.{name}: {_HERE}; a Job's own is {default}"
        for name, default in (
            ("successCondition", names.SUCCESS_CONDITION),
            ("failureCondition", names.FAILURE_CONDITION),
        )
        if template.get(name) != default
    ]
    metadata = spec.get("metadata") or {}
    if metadata.get("name") or metadata.get("namespace"):
        found.append(f"{field}.trialSpec.metadata: name and namespace must be left out")
    wrong = _references(template, experiment)
    return found + (wrong or _job(template, experiment, dry_run))


def _references(template: Object, experiment: Object) -> list[str]:
    field = "spec.trialTemplate.trialParameters"
    known = {item.get("name") for item in experiment["spec"].get("parameters") or []}
    used = placeholders(template["trialSpec"])
    if template.get("trialParameters") is None:
        return [f"{field}: must be specified"]
    found = []
    names_seen: set[str] = set()
    references: set[str] = set()
    for index, item in enumerate(template["trialParameters"]):
        name, reference = item.get("name") or "", item.get("reference") or ""
        here = f"{field}[{index}]"
        if not name or not reference or {"{", "}"} & set(name):
            found.append(f"{here}: name and reference must be specified, and the name has no braces")
            continue
        if name in names_seen:
            found.append(f'{here}.name: "{name}" is there twice')
        if reference in references:
            found.append(f'{here}.reference: "{reference}" is there twice')
        if reference not in known and not METADATA.match(reference):
            found.append(f'{here}.reference: "{reference}" is not in spec.parameters')
        if name not in used:
            found.append(f'{here}.name: trialSpec does not use "${{trialParameters.{name}}}"')
        names_seen.add(name)
        references.add(reference)
    found += [
        f'spec.trialTemplate.trialSpec: "${{trialParameters.{name}}}" is not in trialParameters'
        for name in sorted(used - names_seen)
    ]
    found += [
        f'{field}: no reference to the parameter "{name}"'
        for name in sorted(str(name) for name in known - references)
    ]
    return found


def _job(template: Object, experiment: Object, dry_run: DryRun) -> list[str]:
    field = "spec.trialTemplate.trialSpec"
    metadata = experiment["metadata"]
    name = f"{metadata.get('name') or 'trial'}-dry-run"[:63]
    assignment = {item["name"]: "1" for item in experiment["spec"].get("parameters") or []}
    try:
        filled = values(template, assignment, name, metadata.get("namespace", ""))
        job = render(template["trialSpec"], filled)
        got = dry_run({**job, "metadata": {**(job.get("metadata") or {}), "name": name}})
    except TemplateError as error:
        return [f"{field}: {error}"]
    found = [f"{field}: a Job has no field {path}" for path in lost(job, got)]
    containers = got["spec"]["template"]["spec"].get("containers") or []
    primary = template.get("primaryContainerName")
    if primary and primary not in [item["name"] for item in containers]:
        found.append(f'spec.trialTemplate.primaryContainerName: trialSpec has no container "{primary}"')
    return found
