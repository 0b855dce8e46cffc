"""When a recurring run is due (kubeflow/pipelines, backend/src/crd/controller/scheduledworkflow/util).

Cron expressions are those of robfig/cron, version 1: six fields that begin with seconds, or five without the
day of the week; `?` for `*`; or a descriptor. All times are UTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from labkubeflow.pipelines.api.errors import invalid, unsupported
from labkubeflow.pipelines.api.messages import seconds
from labkubeflow.pipelines.model import JsonObject

NEVER = math.inf

_DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


def check_trigger(trigger: JsonObject) -> None:
    """See that a Trigger message can be followed.

    Raises:
        ApiError: it cannot.
    """
    cron, periodic = trigger.get("cron_schedule"), trigger.get("periodic_schedule")
    if (cron is None) == (periodic is None):
        raise invalid("exactly one of cron_schedule and periodic_schedule is needed")
    if cron is not None:
        text = cron.get("cron", "")
        try:
            CronSim(_words(text), _moment(0))
        except CronSimError as error:
            raise invalid(f"Schedule cron is not a valid cron expression: {text}: {error}") from error
    elif periodic is not None and int(periodic.get("interval_second", 0)) < 1:
        raise invalid(
            "Found invalid period schedule interval. Set at interval to least 1 second: "
            f"{periodic.get('interval_second', 0)}"
        )


def next_due(trigger: JsonObject, created: float, last: float, no_catchup: bool, now: float) -> float:
    """Return the time for which the next run is to be started; it may have passed.

    Args:
        trigger: a Trigger message that `check_trigger` has seen.
        created: when the recurring run was made.
        last: the time for which the last run was started; 0 if there was none.
        no_catchup: whether only the latest of several missed times counts.
        now: the present.

    Returns:
        Seconds since 1970; `NEVER` if no further run is due.
    """
    schedule = trigger.get("cron_schedule") or trigger["periodic_schedule"]
    start = seconds(schedule["start_time"]) if "start_time" in schedule else 0.0
    end = seconds(schedule["end_time"]) if "end_time" in schedule else NEVER
    base = float(int(max(last or (start or created), start)))
    following = _follower(trigger)
    due = following(base)
    if due > end:
        return NEVER
    if not no_catchup or due > now:
        return due
    if "periodic_schedule" in trigger:
        # As upstream: what was missed is not made up for, and the rhythm begins anew.
        return float(int(now)) if now >= following(due) else due
    latest = CronSim(_words(trigger["cron_schedule"]["cron"]), _moment(min(now, end) + 1), reverse=True)
    return next(latest).timestamp()


def _follower(trigger: JsonObject) -> Callable[[float], float]:
    if "periodic_schedule" in trigger:
        interval = int(trigger["periodic_schedule"]["interval_second"])
        return lambda base: base + interval
    text = trigger["cron_schedule"]["cron"]

    def following(base: float) -> float:
        try:
            return next(CronSim(_words(text), _moment(base))).timestamp()
        except StopIteration:
            return NEVER

    return following


def _words(text: str) -> str:
    """Return an expression of upstream's as the library has it."""
    words = text.split()
    if words[:1] == ["@every"]:
        raise unsupported("@every in a cron expression (use a periodic schedule)")
    if len(words) == 1:
        words = _DESCRIPTORS.get(words[0], "").split()
    if len(words) == 5:
        words.append("*")
    fields = [f"*{word[1:]}" if word.startswith("?") else word for word in words]
    # The library knows more than upstream about days.
    if len(fields) != 6 or any("#" in word or word.endswith(("L", "LW")) for word in fields[3::2]):
        raise invalid(f"Schedule cron is not a valid cron expression: {text}")
    return " ".join(fields)


def _moment(seconds_: float) -> datetime:
    return datetime.fromtimestamp(int(seconds_), UTC)
