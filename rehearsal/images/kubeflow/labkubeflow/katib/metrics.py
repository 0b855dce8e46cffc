"""Metrics in the log of a trial: lines with `name=value`, as Katib's StdOut collector reads them.

Sources: kubeflow/katib pkg/metricscollector/v1beta1 (common/const.go, file-metricscollector) for the lines,
pkg/controller.v1beta1/trial/trial_controller_util.go for what is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .names import UNAVAILABLE, Object

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
DEFAULT_FILTER = rf"([\w|-]+)\s*=\s*({NUMBER})"
"""A metric's name and its value; used where an experiment gives no filters of its own."""

_EPOCH = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """One value of one metric.

    Attributes:
        name: of the metric.
        value: as the trial wrote it.
        time: from the start of the line; lines without are older than all others.
    """

    name: str
    value: str
    time: datetime = _EPOCH


def parse(log: str, names: Sequence[str], filters: Iterable[str] = ()) -> list[Record]:
    """Read the records of some metrics from a log, in order.

    Args:
        log: the text.
        names: the metrics that matter.
        filters: regular expressions whose first two groups are a metric's name and value; none for
            `DEFAULT_FILTER`.
    """
    expressions = [re.compile(text) for text in filters] or [re.compile(DEFAULT_FILTER)]
    records = []
    for line in log.splitlines():
        if not any(name in line for name in names):
            continue
        time = _time(line)
        for expression in expressions:
            for match in expression.finditer(line):
                name, value = (match.group(1) or "").strip(), (match.group(2) or "").strip()
                if name in names and value:
                    records.append(Record(name, value, time))
    return records


def _time(line: str) -> datetime:
    word, separator, _ = line.partition(" ")
    if not separator or "T" not in word:
        return _EPOCH
    try:
        # Python knows microseconds only, Kubernetes and Go write nanoseconds.
        time = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", word))
    except ValueError:
        return _EPOCH
    return time if time.tzinfo else _EPOCH


def observe(records: Sequence[Record], names: Sequence[str]) -> Object:
    """Return the observation of a trial: minimum, maximum and latest value of each metric."""
    return {
        "metrics": [_observe(name, [record for record in records if record.name == name]) for name in names]
    }


def _observe(name: str, records: list[Record]) -> Object:
    metric = {"name": name, "min": UNAVAILABLE, "max": UNAVAILABLE, "latest": UNAVAILABLE}
    if not records:
        return metric
    numbers = [record.value for record in records if number(record.value) is not None]
    if numbers:
        metric["min"], metric["max"] = min(numbers, key=float), max(numbers, key=float)
    # Of those with the same time the last one.
    metric["latest"] = sorted(records, key=lambda record: record.time)[-1].value
    return metric


def number(text: str) -> float | None:
    """Return the number that a value is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def names_of(objective: Object) -> list[str]:
    """Return the metrics that an objective asks for, the objective's own first."""
    return [objective["objectiveMetricName"], *objective.get("additionalMetricNames", [])]


def available(observation: Object | None, objective: Object) -> bool:
    """Tell whether the objective's own metric was reported."""
    name = objective["objectiveMetricName"]
    found = (observation or {}).get("metrics") or []
    return any(item["name"] == name and item["latest"] != UNAVAILABLE for item in found)


def objective_value(observation: Object | None, objective: Object) -> str:
    """Return the value that counts for an objective by its metric's strategy, or `UNAVAILABLE`."""
    name = objective["objectiveMetricName"]
    chosen = (item["value"] for item in objective.get("metricStrategies", []) if item["name"] == name)
    strategy = next(chosen, "latest")
    for metric in (observation or {}).get("metrics") or []:
        if metric["name"] == name:
            value = str(metric[strategy])
            return str(metric["latest"]) if value == UNAVAILABLE else value
    return UNAVAILABLE
