"""A completed experiment that is given more trials."""

from __future__ import annotations

from .conditions import find
from .names import SUCCEEDED, Object

CHANGEABLE = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")


def changeable(spec: Object) -> Object:
    """Return the part of a spec that can be changed; what is not there is None."""
    return {field: spec.get(field) for field in CHANGEABLE}


def possible(spec: Object, status: Object) -> bool:
    """Tell whether a completed experiment can be given more trials."""
    ended = find(status, SUCCEEDED) or {}
    by_count = (ended.get("status"), ended.get("reason")) == ("True", "ExperimentMaxTrialsReached")
    return by_count and spec.get("resumePolicy") == "LongRunning"


def wanted(spec: Object, status: Object) -> bool:
    """Tell whether it has been."""
    if not possible(spec, status):
        return False
    most = spec.get("maxTrialCount")
    return most is None or most > status.get("trials", 0)
