"""Experiments of Katib: their conditions, their trials, and waiting for their end.

Fields and reasons are those of kubeflow/katib, pkg/apis/controller (v1beta1) and
pkg/controller.v1beta1/experiment/util/status_util.go.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lab.testing.kube import Kube, KubeError, Object
from lab.testing.pods import PodWatch
from lab.testing.waiting import Clock, Pending, wait_until

API = "kubeflow.org/v1beta1"

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
"""On every Trial; its value is the Experiment's name."""

ENDS = ("Succeeded", "Failed")
"""Conditions of which an Experiment gets one at its end."""


@dataclass(frozen=True)
class Trial:
    """One trial: what it tried, and what came of it.

    Attributes:
        name: Also the name of its Job.
        parameters: The parameters' values, as text.
        metrics: The latest values; one that Katib calls unavailable is not among them.
        conditions: The types of all conditions that hold.
        started: When it began; ``None`` before.
        completed: When it ended.
    """

    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    conditions: frozenset[str]
    started: datetime | None
    completed: datetime | None

    def overlaps(self, other: Trial) -> bool:
        """Whether both have ended and were at work at the same time."""
        if not (self.started and self.completed and other.started and other.completed):
            return False
        return max(self.started, other.started) < min(self.completed, other.completed)


def condition(item: Object, kind: str) -> Object | None:
    """Return the condition of a type if it holds.

    The order of conditions says nothing: those that held before stay in the list.
    """
    for entry in (item.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind and entry.get("status") == "True":
            found: Object = entry
            return found
    return None


def describe(experiment: Object) -> str:
    """Return in one line how far an Experiment is."""
    status = experiment.get("status") or {}
    held = [entry for entry in status.get("conditions") or () if entry.get("status") == "True"]
    told = [f"{entry.get('type')} ({entry.get('reason', '')}: {entry.get('message', '')})" for entry in held]
    counts = [f"{key} {status[key]}" for key in sorted(status) if key.startswith("trials") and status[key]]
    return "; ".join([*told, *counts]) or "no status yet"


def wait_for_end(kube: Kube, namespace: str, name: str, *, deadline: float, clock: Clock = time) -> Object:
    """Wait until an Experiment has succeeded or failed, and return it.

    Its pods are watched for trouble. A trial's pod that ends badly is none: that is for Katib to count.

    Args:
        kube: The lab's Kubernetes.
        namespace: The Experiment's.
        name: The Experiment's.
        deadline: Seconds from now.
        clock: For tests.

    Raises:
        WaitTimeout: It had not ended by then.
        WaitAborted: A pod of it is in trouble that waiting does not mend.
    """

    def look() -> Object | Pending:
        experiment = kube.get(API, "Experiment", name, namespace)
        if experiment is None:
            return Pending("it does not exist")
        if any(condition(experiment, kind) for kind in ENDS):
            return experiment
        return Pending(describe(experiment))

    return wait_until(
        look,
        what=f"the end of experiment {name}",
        deadline=deadline,
        guard=PodWatch(kube, namespace, prefix=f"{name}-", clock=clock),
        tolerate=(KubeError,),
        clock=clock,
    )


def trials(kube: Kube, namespace: str, experiment: str) -> list[Trial]:
    """Return an Experiment's trials in the order in which they began."""
    found = kube.list(API, "Trial", namespace, labels=f"{EXPERIMENT_LABEL}={experiment}")
    read = [_trial(item) for item in found]
    return sorted(read, key=lambda trial: (trial.started is None, str(trial.started), trial.name))


def best(experiment: Object) -> Trial:
    """Return the trial that Katib holds for the best one; without metrics and name if there is none."""
    optimal = (experiment.get("status") or {}).get("currentOptimalTrial") or {}
    return Trial(
        str(optimal.get("bestTrialName") or ""),
        _assignments(optimal),
        _metrics(optimal),
        frozenset(),
        None,
        None,
    )


def remains(kube: Kube, namespace: str, experiment: str) -> list[str]:
    """Return what is left of an Experiment: itself, trials, suggestion, jobs and pods.

    Raises:
        KubeError: The API server did not answer.
    """
    named = ((API, "Experiment"), (API, "Suggestion"))
    left = [
        f"{kind} {experiment}" for version, kind in named if kube.get(version, kind, experiment, namespace)
    ]
    for version, kind in ((API, "Trial"), ("batch/v1", "Job"), ("apps/v1", "Deployment"), ("v1", "Pod")):
        names = [str(item["metadata"]["name"]) for item in kube.list(version, kind, namespace)]
        left += [f"{kind} {name}" for name in names if name.startswith(f"{experiment}-")]
    return left


def wait_until_gone(
    kube: Kube, namespace: str, experiment: str, *, deadline: float, clock: Clock = time
) -> None:
    """Wait until nothing is left of an Experiment that has been deleted.

    Raises:
        WaitTimeout: Something was left after the deadline, in seconds.
    """

    def look() -> bool | Pending:
        left = remains(kube, namespace, experiment)
        return Pending(", ".join(left)) if left else True

    wait_until(
        look,
        what=f"all of experiment {experiment} to be gone",
        deadline=deadline,
        tolerate=(KubeError,),
        clock=clock,
    )


def _trial(item: Object) -> Trial:
    status = item.get("status") or {}
    held = frozenset(
        str(entry["type"]) for entry in status.get("conditions") or () if entry.get("status") == "True"
    )
    return Trial(
        str(item["metadata"]["name"]),
        _assignments(item["spec"]),
        _metrics(status),
        held,
        _time(status.get("startTime")),
        _time(status.get("completionTime")),
    )


def _assignments(item: Object) -> dict[str, str]:
    entries: Sequence[Object] = item.get("parameterAssignments") or ()
    return {str(entry["name"]): str(entry["value"]) for entry in entries}


def _metrics(item: Object) -> dict[str, float]:
    found = {}
    for metric in (item.get("observation") or {}).get("metrics") or ():
        try:
            found[str(metric["name"])] = float(metric["latest"])
        except ValueError:
            continue
    return found


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
