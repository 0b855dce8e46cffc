"""Words in a recurring run's parameters that each of its runs replaces.

Those of upstream (kubeflow/pipelines, backend/src/common/util/parameter_formatter.go) without formats:
`[[ScheduledTime]]`, `[[CurrentTime]]`, `[[Index]]`, `[[RunUUID]]`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from labkubeflow.pipelines.api.errors import unsupported

_MACRO = re.compile(r"\[\[(ScheduledTime|CurrentTime|Index|RunUUID)(.*?)\]\]")


def check(value: Any) -> None:
    """See that all macros in a value are ones that can be replaced.

    Raises:
        ApiError: one has a format.
    """
    if isinstance(value, str):
        for macro in _MACRO.finditer(value):
            if macro[2]:
                raise unsupported(f"the format in {macro[0]}")
    for part in _parts(value):
        check(part)


def replaced(value: Any, scheduled: float, now: float, index: int, run_id: str) -> Any:
    """Return a value with its macros replaced.

    Args:
        value: any JSON value.
        scheduled: the time that the run stands for, in seconds since 1970.
        now: the present.
        index: the how-manieth run it is.
        run_id: its ID.
    """
    words = {
        "ScheduledTime": _written(scheduled),
        "CurrentTime": _written(now),
        "Index": str(index),
        "RunUUID": run_id,
    }
    if isinstance(value, str):
        return _MACRO.sub(lambda macro: words[macro[1]], value)
    if isinstance(value, list):
        return [replaced(part, scheduled, now, index, run_id) for part in value]
    if isinstance(value, dict):
        return {name: replaced(part, scheduled, now, index, run_id) for name, part in value.items()}
    return value


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
