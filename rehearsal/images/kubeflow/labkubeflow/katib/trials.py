"""One trial: its Job, its metrics, and what becomes of it.

Source: kubeflow/katib pkg/controller.v1beta1/trial/trial_controller.go.
"""

from __future__ import annotations

import copy
import json

from labkubeflow.common.kube import KubeError

from . import medianstop, metrics, names, objects
from .cluster import Cluster
from .conditions import find, finish, holds, mark, now
from .metrics import Record
from .names import (
    COLLECT_LABEL,
    CREATED,
    EARLY_STOPPED,
    FAILED,
    METRICS_UNAVAILABLE,
    RUNNING,
    SUCCEEDED,
    Object,
)
from .summary import ended

HISTORY = "rehearsal/objective-history"
"""Annotation of a trial: the first values of its objective, for the median rule when its pod is gone."""

HISTORY_LENGTH = 100


def keep(cluster: Cluster, trial: Object, job: Object | None) -> Object:
    """Do for a trial what is to be done now; return it as it is then.

    Args:
        cluster: where it lives.
        trial: the trial.
        job: its Job, if there is one.

    Raises:
        KubeError: the API server refused; it may be tried again.
    """
    path = f"{names.collection('trials', trial['metadata']['namespace'])}/{trial['metadata']['name']}"
    before = trial.get("status") or {}
    trial = {**trial, "status": copy.deepcopy(before)}
    status = trial["status"]
    if not holds(status, CREATED):
        status["startTime"] = now()
        mark(status, CREATED, "TrialCreated", "Trial is created")
    if not ended(trial):
        if job is None:
            job = _start(cluster, trial)
        # Else it is of a trial of this name that was deleted; the garbage collector is about to take it away.
        if job is not None and _owns(trial, job):
            _follow(cluster, trial, job, path)
    if status != before:
        trial = cluster.replace(f"{path}/status", trial)
    # Only once the status is safe: the Job is what it is made from.
    if ended(trial) and job is not None and not trial["spec"].get("retainRun"):
        _tidy(cluster, job)
    return trial


def _start(cluster: Cluster, trial: Object) -> Object | None:
    job = objects.job(trial)
    try:
        created = cluster.create(names.jobs(trial["metadata"]["namespace"]), job)
    except KubeError as error:
        if error.status not in (400, 422):
            raise
        finish(trial["status"], FAILED, "TrialFailed", f"Trial has failed. Its Job is refused: {error}")
        return None
    if not created:
        return None
    cluster.tell(trial, "JobCreated", f"Job {job['metadata']['name']} has been created")
    return job


def _owns(trial: Object, job: Object) -> bool:
    owners = job["metadata"].get("ownerReferences") or []
    return any(item["uid"] == trial["metadata"]["uid"] for item in owners)


def _tidy(cluster: Cluster, job: Object) -> None:
    if not job["metadata"].get("deletionTimestamp"):
        metadata = job["metadata"]
        cluster.delete(f"{names.jobs(metadata['namespace'])}/{metadata['name']}", foreground=True)


def _follow(cluster: Cluster, trial: Object, job: Object, path: str) -> None:
    status = trial["status"]
    failed, complete = (find(job.get("status") or {}, kind) for kind in ("Failed", "Complete"))
    if failed is not None and failed["status"] == "True":
        finish(
            status,
            FAILED,
            _with("TrialFailed", "Job reason", failed.get("reason")),
            _with("Trial has failed", "Job message", failed.get("message")),
        )
    elif complete is not None and complete["status"] == "True":
        _collect(cluster, trial, path)
    else:
        if not holds(status, RUNNING):
            mark(status, RUNNING, "TrialRunning", "Trial is running")
        if trial["spec"].get("earlyStoppingRules"):
            _stop(cluster, trial, path)


def _with(text: str, word: str, more: str | None) -> str:
    return f"{text}. {word}: {more}" if more else text


def _collect(cluster: Cluster, trial: Object, path: str) -> None:
    status, spec = trial["status"], trial["spec"]
    if not cluster.collects(trial["metadata"]["namespace"]):
        # Katib does nothing in this case, and the trial runs for ever. So here; but it is told.
        mark(status, RUNNING, "TrialRunning", "Trial is running")
        cluster.tell(
            trial,
            "MetricsNotCollected",
            f"the namespace must have the label {COLLECT_LABEL}=enabled",
            warning=True,
        )
        return
    records = _records(cluster, trial)
    _observe(cluster, trial, records, path)
    if metrics.available(status["observation"], spec["objective"]):
        finish(status, SUCCEEDED, "TrialSucceeded", "Trial has succeeded")
    else:
        finish(status, METRICS_UNAVAILABLE, "MetricsUnavailable", "Metrics are not available")
        name = spec["objective"]["objectiveMetricName"]
        cluster.tell(
            trial,
            "MetricsUnavailable",
            f'no line with "{name}=" in the log of {spec["primaryContainerName"]}',
            warning=True,
        )


def _records(cluster: Cluster, trial: Object) -> list[Record]:
    spec, metadata = trial["spec"], trial["metadata"]
    logs = cluster.logs(
        metadata["namespace"],
        metadata["name"],
        spec.get("primaryPodLabels") or {},
        spec["primaryContainerName"],
    )
    filters = ((spec["metricsCollector"].get("source") or {}).get("filter") or {}).get("metricsFormat", [])
    wanted = metrics.names_of(spec["objective"])
    return [record for log in logs for record in metrics.parse(log, wanted, filters)]


def _observe(cluster: Cluster, trial: Object, records: list[Record], path: str) -> None:
    objective = trial["spec"]["objective"]
    trial["status"]["observation"] = metrics.observe(records, metrics.names_of(objective))
    name = objective["objectiveMetricName"]
    values = [metrics.number(record.value) for record in records if record.name == name]
    history = [value for value in values if value is not None]
    if len(history) > 1:
        changed = cluster.annotate(path, {HISTORY: json.dumps(history[:HISTORY_LENGTH])})
        trial["metadata"] = changed["metadata"]


def history(trial: Object) -> list[float]:
    """Return the first values of the objective that a trial reported, in order."""
    text = (trial["metadata"].get("annotations") or {}).get(HISTORY)
    if text:
        return [float(value) for value in json.loads(text)]
    observation = (trial.get("status") or {}).get("observation")
    value = metrics.number(metrics.objective_value(observation, trial["spec"]["objective"]))
    return [] if value is None else [value]


def _stop(cluster: Cluster, trial: Object, path: str) -> None:
    objective = trial["spec"]["objective"]
    if not cluster.collects(trial["metadata"]["namespace"]):
        return
    records = _records(cluster, trial)
    if records and all(
        medianstop.stops(rule, objective, records) for rule in trial["spec"]["earlyStoppingRules"]
    ):
        _observe(cluster, trial, records, path)
        # Running stays true: Katib's early stopping service does no more than this either.
        mark(trial["status"], EARLY_STOPPED, "TrialEarlyStopped", "Trial is early stopped")
        trial["status"]["completionTime"] = now()
