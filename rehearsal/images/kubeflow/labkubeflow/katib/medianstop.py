"""Early stopping by the median rule: a trial that does worse than those before it is stopped.

Sources: kubeflow/katib pkg/earlystopping/v1beta1/medianstop/service.py makes the rule (of averages, in spite
of its name), cmd/metricscollector/v1beta1/file-metricscollector/main.go applies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from .metrics import Record, number
from .names import Object

_DEFAULTS = {"min_trials_required": 3, "start_step": 4}


def settings_errors(stopping: Object) -> list[str]:
    """Return what is wrong with the settings of an experiment's `earlyStopping`."""
    found = []
    for item in stopping.get("algorithmSettings", []):
        name, value = item.get("name"), str(item.get("value"))
        if name not in _DEFAULTS:
            found.append(f'medianstop has no setting "{name}"')
        elif not value.isdecimal() or int(value) < 1:
            found.append(f'{name}: "{value}" is no whole number greater than 0')
    return found


def setting(stopping: Object, name: str) -> int:
    """Return a setting, or its default."""
    given = {item["name"]: item["value"] for item in stopping.get("algorithmSettings", [])}
    return int(given.get(name, _DEFAULTS[name]))


def rules(stopping: Object, objective: Object, histories: Sequence[Sequence[float]]) -> list[Object]:
    """Return the rules that new trials are stopped by; none as long as too few have succeeded.

    Args:
        stopping: the experiment's `earlyStopping`.
        objective: the experiment's objective.
        histories: the objective's values of each trial that succeeded, in order.
    """
    start = setting(stopping, "start_step")
    averages = [fmean(history[:start]) for history in histories if history]
    if len(averages) < setting(stopping, "min_trials_required"):
        return []
    return [
        {
            "name": objective["objectiveMetricName"],
            "value": repr(fmean(averages)),
            "comparison": "less" if objective["type"] == "maximize" else "greater",
            "startStep": start,
        }
    ]


def stops(rule: Object, objective: Object, records: Sequence[Record]) -> bool:
    """Tell whether a trial that has reported this is stopped by a rule.

    The objective's best value so far counts, from the rule's step on.
    """
    name = rule["name"]
    values = [value for item in records if item.name == name and (value := number(item.value)) is not None]
    start = max(rule.get("startStep", 1), 1)
    if len(values) < start:
        return False
    limit = float(rule["value"])
    best = max if objective["type"] == "maximize" else min
    seen = [best(values[:count]) for count in range(start, len(values) + 1)]
    return any(value < limit if rule["comparison"] == "less" else value > limit for value in seen)
