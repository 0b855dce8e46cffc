"""A part of the sequence: from one step on, or one step alone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.plan.step import Step


@dataclass(frozen=True)
class Selection:
    """The steps that are to be carried out.

    Attributes:
        steps: In their order.
        to_the_end: Whether the last step of the sequence is among them.
    """

    steps: tuple[Step, ...]
    to_the_end: bool = True

    @property
    def tasks(self) -> int:
        """The number of tasks they make: logging in, looking, each step, and fetching what the end brings."""
        return 2 + len(self.steps) + (1 if self.to_the_end else 0)


def select(steps: Sequence[Step], *, start: str | None = None, only: str | None = None) -> Selection:
    """Choose steps by what a person calls them: ``65-controller``, ``65`` or ``controller``.

    Args:
        steps: The whole sequence.
        start: The first one to be carried out.
        only: The only one.

    Raises:
        UsageError: There is no such step, or both were given.
    """
    if start is not None and only is not None:
        raise UsageError(
            "--from and --only do not go together.",
            code="LAB-PLAN-005",
            hint="Give the one or the other.",
        )
    if only is not None:
        index = _find(steps, only)
        return Selection((steps[index],), to_the_end=index == len(steps) - 1)
    return Selection(tuple(steps[_find(steps, start) if start is not None else 0 :]))


def _find(steps: Sequence[Step], word: str) -> int:
    names = [step.name for step in steps]
    for index, name in enumerate(names):
        if word in (name, *name.split("-", 1)):
            return index
    known = [part for name in names for part in (name, name.split("-", 1)[1])]
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    raise UsageError(
        f"There is no step '{word}'.",
        code="LAB-PLAN-004",
        hint=f"{guess}Steps: {', '.join(names)}.",
    )
