"""What an experiment means where it does not say.

Source: kubeflow/katib pkg/apis/controller/experiments/v1beta1/experiment_defaults.go.
"""

from __future__ import annotations

import copy

from .names import FAILURE_CONDITION, PARALLEL_TRIALS, SUCCESS_CONDITION, Object


def complete(spec: Object) -> Object:
    """Return an experiment's spec with everything that it leaves open."""
    spec = copy.deepcopy(spec)
    spec.setdefault("parallelTrialCount", PARALLEL_TRIALS)
    spec.setdefault("resumePolicy", "Never")
    collector = spec.setdefault("metricsCollectorSpec", {})
    if isinstance(collector, dict):
        collector.setdefault("collector", {"kind": "StdOut"})
    if isinstance(spec.get("objective"), dict):
        _strategies(spec["objective"])
    template = spec.get("trialTemplate")
    if isinstance(template, dict) and (template.get("trialSpec") or {}).get("kind") == "Job":
        template.setdefault("successCondition", SUCCESS_CONDITION)
        template.setdefault("failureCondition", FAILURE_CONDITION)
    return spec


def _strategies(objective: Object) -> None:
    strategies = objective.setdefault("metricStrategies", [])
    word = {"minimize": "min", "maximize": "max"}.get(objective.get("type", ""), "latest")
    known = {item.get("name") for item in strategies}
    names = [objective.get("objectiveMetricName"), *objective.get("additionalMetricNames", [])]
    strategies += [{"name": name, "value": word} for name in names if name and name not in known]
