"""How events read, the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from lab.report.events import Expected, Progress, Started, TaskEnded, TaskStarted, Waiting
from lab.report.tasks import Timing

OUTCOMES = {
    "done": "done",
    "satisfied": "already there",
    "failed": "FAILED",
    "interrupted": "interrupted",
}
"""What people read for each outcome of a task."""


SHORTEST = 20.0
"""Seconds that need no estimate."""

LATE = 1.25
"""How many times its usual time a task may take before it counts as late."""


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it: ``4.2 s``, ``3 min 05 s``, ``1 h 02 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def about(seconds: float) -> str:
    """Return a time as roughly as an estimate is: ``about 40 s``, ``about 4 min``, ``about 1 h 10 min``."""
    if seconds < 55:
        return f"about {max(round(seconds / 10), 1) * 10} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {max(minutes, 1)} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {minutes:02d} min"


def expectation(event: Expected) -> str:
    """Return how long the work ahead will take; empty if it is over before that is read."""
    return f"This usually takes {about(event.seconds)} here." if event.seconds >= SHORTEST else ""


def is_late(usual: float | None, elapsed: float) -> bool:
    """Whether a task takes clearly longer than usual."""
    return usual is not None and elapsed > usual * LATE + SHORTEST


def left(event: TaskStarted, elapsed: float) -> str:
    """Return how much time is left, some seconds after a task began; empty if nobody knows.

    Where that is known of this task alone, its usual time is told instead.
    Beyond a task's usual time nothing is promised any more: an estimate that grows is none.
    """
    if is_late(event.usual_seconds, elapsed):
        return "longer than usual"
    if event.left_seconds is None:
        usual = event.usual_seconds or 0.0
        return f"usually {about(usual)}" if usual >= SHORTEST else ""
    rest = event.left_seconds - min(elapsed, event.usual_seconds or 0.0)
    return f"{about(rest)} left" if rest >= SHORTEST else ""


def number(event: TaskStarted | TaskEnded) -> str:
    """Return ``[ 3/19]``."""
    width = len(str(event.total))
    return f"[{event.index:{width}d}/{event.total}]"


def heading(event: Started) -> str:
    """Return the first line, which carries the edition's word of warning."""
    return f"{event.banner}: {event.title}" if event.banner else event.title


def state(event: Progress | Waiting) -> str:
    """Return what is going on within a task."""
    if isinstance(event, Progress):
        return f"{event.done}/{event.total} {event.text}".rstrip()
    return event.text


def ending(event: TaskEnded) -> str:
    """Return how a task ended."""
    if event.outcome == "satisfied":
        return OUTCOMES[event.outcome]
    tries = f" ({event.attempts} attempts)" if event.attempts > 1 else ""
    return f"{OUTCOMES[event.outcome]} in {duration(event.seconds)}{tries}"


def timing_table(timings: Sequence[Timing]) -> list[str]:
    """Return the lines of the table of times, longest tasks easy to find."""
    total = sum(timing.seconds for timing in timings)
    worked = [timing for timing in timings if timing.outcome != "satisfied"]
    width = max((len(timing.title) for timing in worked), default=0)
    width = max(width, len("Total"))
    longest = max((timing.seconds for timing in worked), default=0.0)
    lines = []
    for timing in worked:
        bar = "#" * round(20 * timing.seconds / longest) if longest else ""
        remarks = [f"{timing.attempts} attempts"] if timing.attempts > 1 else []
        if timing.usual_seconds is not None and is_late(timing.usual_seconds, timing.seconds):
            remarks.append(f"usually {duration(timing.usual_seconds)}")
        cells = [f"  {timing.title:<{width}}", f"{duration(timing.seconds):>12}", bar, ", ".join(remarks)]
        lines.append("  ".join(cells).rstrip())
    there = len(timings) - len(worked)
    note = f"  ({there} already there)" if there else ""
    lines.append(f"  {'Total':<{width}}  {duration(total):>12}{note}")
    return lines
