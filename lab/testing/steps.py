"""The pods of a pipeline's run: which of them are its steps, and what those said."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.testing.kube import Kube, KubeError, Object
from lab.testing.pods import describe
from lab.testing.waiting import Clock, Pending, wait_until

RUN_POD_LABEL = "pipeline/runid"
"""On every pod of a run (kubeflow/pipelines, backend/src/common/util/consts.go)."""

STEP_CONTAINER = "main"
"""The container of a step's pod that the step itself is in, as Argo names it."""

_RESULT = re.compile(r"^RESULT (\{.*\})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A step that ran: its pod, and what it wrote.

    Attributes:
        pod: The pod's name.
        result: What the step's line ``RESULT {json}`` holds; empty if it wrote none.
        log: The end of the step's log.
        started: When the step's container started; ``None`` if it did not.
        finished: When it ended.
        exit_code: What it ended with.
    """

    pod: str
    result: Mapping[str, Any]
    log: str
    started: datetime | None
    finished: datetime | None
    exit_code: int | None


def run_pods(kube: Kube, namespace: str, run: str) -> Sequence[Object]:
    """Return all pods of a run, those that its backend adds to the steps' own among them."""
    return kube.list("v1", "Pod", namespace, labels=f"{RUN_POD_LABEL}={run}")


def steps(kube: Kube, namespace: str, run: str, image: str) -> list[Step]:
    """Return the steps of a run that ran in an image, in the order of their pods' names.

    A backend has pods of its own beside them, the drivers; those run in other images.
    """

    def is_step(pod: Object) -> bool:
        containers = pod["spec"]["containers"]
        return any(item["name"] == STEP_CONTAINER and item["image"] == image for item in containers)

    found = [pod for pod in run_pods(kube, namespace, run) if is_step(pod)]
    return [
        _step(kube, namespace, pod) for pod in sorted(found, key=lambda pod: str(pod["metadata"]["name"]))
    ]


def wait_until_gone(kube: Kube, namespace: str, run: str, *, deadline: float, clock: Clock = time) -> None:
    """Wait until no pod of a run is left.

    Raises:
        WaitTimeout: One was after the deadline, in seconds.
    """

    def look() -> bool | Pending:
        left = [str(pod["metadata"]["name"]) for pod in run_pods(kube, namespace, run)]
        return Pending(", ".join(left)) if left else True

    what = f"the pods of run {run} to be gone"
    wait_until(look, what=what, deadline=deadline, tolerate=(KubeError,), clock=clock)


def overlap(first: Step, second: Step) -> bool:
    """Whether two steps that have ended were at work at the same time."""
    if not (first.started and first.finished and second.started and second.finished):
        return False
    return max(first.started, second.started) < min(first.finished, second.finished)


def _step(kube: Kube, namespace: str, pod: Object) -> Step:
    name = str(pod["metadata"]["name"])
    ended: Object = {}
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status["name"] == STEP_CONTAINER:
            ended = (status.get("state") or {}).get("terminated") or {}
    log = kube.logs(namespace, name, container=STEP_CONTAINER) if ended else describe(pod)
    results = _RESULT.findall(log)
    return Step(
        pod=name,
        result=json.loads(results[-1]) if results else {},
        log=log,
        started=_time(ended.get("startedAt")),
        finished=_time(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
