"""Carries checks out side by side, each with a deadline."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lab.errors import LabError
from lab.probes.host.finding import Finding, Report, Subject


@dataclass(frozen=True)
class Check:
    """One look at the host.

    Attributes:
        id: What its finding is called if it comes to none of its own.
        look: Returns the findings.
        seconds: Until it is given up.
    """

    id: str
    subject: Subject
    look: Callable[[], Iterable[Finding]]
    seconds: float = 10.0


def examine(checks: Sequence[Check], *, clock: Callable[[], float] = time.monotonic) -> Report:
    """Carry all checks out at once and return what they found, in the order of the checks."""
    answers: queue.SimpleQueue[tuple[int, list[Finding] | BaseException]] = queue.SimpleQueue()
    started = clock()
    for index, check in enumerate(checks):
        # A thread of a pool would keep the process from ending while it waits for a name server.
        threading.Thread(target=_carry_out, args=(index, check, answers), daemon=True).start()
    found: dict[int, list[Finding]] = {}
    late = sorted(range(len(checks)), key=lambda index: checks[index].seconds)
    while late:
        left = started + checks[late[0]].seconds - clock()
        try:
            index, answer = answers.get(timeout=max(left, 0.0))
        except queue.Empty:
            index = late[0]
            answer = [_given_up(checks[index])]
        if index in late:
            late.remove(index)
            if isinstance(answer, BaseException):
                raise answer
            found[index] = answer
    return Report.of(found[index] for index in sorted(found))


def _carry_out(
    index: int, check: Check, answers: queue.SimpleQueue[tuple[int, list[Finding] | BaseException]]
) -> None:
    try:
        answers.put((index, list(check.look())))
    except LabError as error:
        answers.put((index, [check.subject.error(check.id, error)]))
    except OSError as error:
        advice = "What it is about may well be in order; the lab only cannot see it."
        answers.put((index, [check.subject.warning(check.id, f"It cannot be looked at: {error}", advice)]))
    except BaseException as error:
        answers.put((index, error))


def _given_up(check: Check) -> Finding:
    return check.subject.warning(
        check.id,
        f"There was no answer within {check.seconds:.0f} s.",
        "Is the computer very busy? Try again: python -m lab doctor",
    )
