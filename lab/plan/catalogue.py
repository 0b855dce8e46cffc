"""All steps, in their order."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError
from lab.plan.step import Step, parse_step


def load_steps(provision_dir: Path) -> tuple[Step, ...]:
    """Read every step script ``NN-name.sh`` of a directory, in the order of the numbers.

    Raises:
        UsageError: There is none, two have the same number, or a header is not valid.
    """
    steps: list[Step] = []
    for path in sorted(provision_dir.glob("[0-9][0-9]-*.sh")):
        step = parse_step(path)
        if steps and steps[-1].name[:2] == step.name[:2]:
            raise UsageError(
                f"The steps '{steps[-1].name}' and '{step.name}' have the same number.", code="LAB-PLAN-002"
            )
        steps.append(step)
    if not steps:
        raise UsageError(f"There are no steps in '{provision_dir}'.", code="LAB-PLAN-003")
    return tuple(steps)
