"""Conditions in an object's status, changed as Katib changes them.

Source: kubeflow/katib pkg/apis/controller/experiments/v1beta1/util.go: a condition that changes moves to the
end, so the last one tells what happened last.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .names import FAILED, RUNNING, SUCCEEDED, Object


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(status: Object, kind: str) -> Object | None:
    """Return a condition of a status."""
    conditions: list[Object] = status.get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == kind), None)


def holds(status: Object, *kinds: str) -> bool:
    """Tell whether one of these conditions is true."""
    return any((find(status, kind) or {}).get("status") == "True" for kind in kinds)


def remove(status: Object, *kinds: str) -> None:
    """Drop conditions."""
    status["conditions"] = [item for item in status.get("conditions") or [] if item["type"] not in kinds]


def mark(status: Object, kind: str, reason: str, message: str, *, value: bool = True) -> None:
    """Set a condition; nothing happens when its status and reason are these already."""
    word = "True" if value else "False"
    current = find(status, kind)
    if current is not None and (current["status"], current.get("reason")) == (word, reason):
        return
    time = now()
    since = current["lastTransitionTime"] if current is not None and current["status"] == word else time
    remove(status, kind)
    status["conditions"].append(
        {
            "type": kind,
            "status": word,
            "reason": reason,
            "message": message,
            "lastUpdateTime": time,
            "lastTransitionTime": since,
        }
    )


def finish(status: Object, kind: str, reason: str, message: str) -> None:
    """Set the condition that something ended with; it runs no longer, and the time is noted."""
    running = find(status, RUNNING)
    if running is not None:
        mark(status, RUNNING, running["reason"], running["message"], value=False)
    mark(status, kind, reason, message)
    status["completionTime"] = now()


def completed(status: Object) -> bool:
    """Tell whether an experiment or a suggestion has ended."""
    return holds(status, SUCCEEDED, FAILED)
