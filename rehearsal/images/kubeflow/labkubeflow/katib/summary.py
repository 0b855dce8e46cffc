"""What an experiment's trials come to: counts, lists, the best one, and whether it is the end.

Source: kubeflow/katib pkg/controller.v1beta1/experiment/util/status_util.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from .conditions import completed, finish, holds, mark
from .metrics import number, objective_value
from .names import (
    EARLY_STOPPED,
    FAILED,
    KILLED,
    METRICS_UNAVAILABLE,
    RUNNING,
    SUCCEEDED,
    UNAVAILABLE,
    Object,
)

# The first condition that is true says what a trial is; list and counter of each.
_KINDS = (
    (KILLED, "killedTrialList", "trialsKilled"),
    (FAILED, "failedTrialList", "trialsFailed"),
    (SUCCEEDED, "succeededTrialList", "trialsSucceeded"),
    (EARLY_STOPPED, "earlyStoppedTrialList", "trialsEarlyStopped"),
    (RUNNING, "runningTrialList", "trialsRunning"),
    (METRICS_UNAVAILABLE, "metricsUnavailableTrialList", "trialMetricsUnavailable"),
)
_PENDING = ("pendingTrialList", "trialsPending")
_ENDED = (KILLED, FAILED, SUCCEEDED, EARLY_STOPPED, METRICS_UNAVAILABLE)


def ended(trial: Object) -> bool:
    """Tell whether a trial has come to an end, good or bad."""
    return holds(trial.get("status") or {}, *_ENDED)


def summarise(spec: Object, status: Object, trials: Sequence[Object]) -> bool:
    """Count an experiment's trials in its status, and note the best one.

    Args:
        spec: the experiment's, with defaults.
        status: the experiment's, which is changed.
        trials: all of its trials.

    Returns:
        Whether the objective's goal is reached.
    """
    lists: dict[str, list[str]] = {name: [] for name in (_PENDING[0], *(name for _, name, _ in _KINDS))}
    for trial in trials:
        state = trial.get("status") or {}
        kind = next((name for condition, name, _ in _KINDS if holds(state, condition)), _PENDING[0])
        lists[kind].append(trial["metadata"]["name"])
    status["trials"] = len(trials)
    for name, counter in (*((name, counter) for _, name, counter in _KINDS), _PENDING):
        status.pop(name, None)
        status.pop(counter, None)
        if lists[name]:
            status[name] = lists[name]
            status[counter] = len(lists[name])
    best, value = _best(spec["objective"], trials)
    if best is None:
        return False
    status["currentOptimalTrial"] = {
        "bestTrialName": best["metadata"]["name"],
        "parameterAssignments": best["spec"]["parameterAssignments"],
        "observation": best["status"]["observation"],
    }
    goal = spec["objective"].get("goal")
    if goal is None or value is None:
        return False
    return bool(value <= goal) if spec["objective"]["type"] == "minimize" else bool(value >= goal)


def _best(objective: Object, trials: Sequence[Object]) -> tuple[Object | None, float | None]:
    best, best_value = None, None
    for trial in trials:
        text = objective_value((trial.get("status") or {}).get("observation"), objective)
        if text == UNAVAILABLE:
            continue
        value = number(text)
        if value is None:
            continue
        better = best_value is None or (
            value < best_value if objective["type"] == "minimize" else value > best_value
        )
        if better:
            best, best_value = trial, value
    return best, best_value


def active(status: Object) -> int:
    """Return how many trials are under way, by an experiment's status."""
    return int(status.get("trialsPending", 0)) + int(status.get("trialsRunning", 0))


def failures(status: Object) -> int:
    """Return how many trials count as failed; those without metrics do."""
    return int(status.get("trialsFailed", 0)) + int(status.get("trialMetricsUnavailable", 0))


def done(status: Object) -> int:
    """Return how many trials have ended."""
    return int(status.get("trials", 0)) - active(status)


def judge(spec: Object, status: Object, *, goal: bool, exhausted: bool) -> None:
    """Set the conditions of an experiment that has trials.

    The goal comes first, then failures, then the number of trials, then the end of suggestions.

    Args:
        spec: the experiment's, with defaults.
        status: the experiment's, after `summarise`.
        goal: whether the objective's goal is reached.
        exhausted: whether there is nothing left to suggest.
    """
    if completed(status):
        return
    limit, most = spec.get("maxFailedTrialCount"), spec.get("maxTrialCount")
    if goal:
        text = "Experiment has succeeded because Objective goal has reached"
        finish(status, SUCCEEDED, "ExperimentGoalReached", text)
    elif limit is not None and 0 < failures(status) >= limit:
        text = "Experiment has failed because max failed count has reached"
        finish(status, FAILED, "ExperimentFailed", text)
    elif most is not None and done(status) >= most:
        text = "Experiment has succeeded because max trial count has reached"
        finish(status, SUCCEEDED, "ExperimentMaxTrialsReached", text)
    elif exhausted and active(status) == 0:
        text = "Experiment has succeeded because suggestion service has reached the end"
        finish(status, SUCCEEDED, "ExperimentSuggestionEndReached", text)
    else:
        mark(status, RUNNING, "ExperimentRunning", "Experiment is running")


def missing(spec: Object, status: Object) -> int:
    """Return how many trials are to be started now; less than 0 when some are too many."""
    parallel: int = spec["parallelTrialCount"]
    if active(status) > parallel:
        return parallel - active(status)
    most = spec.get("maxTrialCount")
    wanted = parallel if most is None else min(parallel, most - done(status))
    return max(wanted - active(status), 0)
