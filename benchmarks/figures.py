"""Figures, the budgets they are held against, and the table of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import table
from lab.report.text import duration


@dataclass(frozen=True)
class Budget:
    """What is measured, and what it may take.

    Attributes:
        title: What it is.
        unit: ``s``, ``MiB`` or ``ratio``.
        limit: What it may be at most; ``None``: there is no budget, the figure is told alone.
    """

    title: str
    unit: str = "s"
    limit: float | None = None

    def shown(self, value: float | None) -> str:
        """Return a figure in its unit; ``not measured`` if there is none."""
        if value is None:
            return "not measured"
        if self.unit == "s":
            return duration(value) if value >= 1 else f"{value:.2f} s"
        return f"{value:.0f} MiB" if self.unit == "MiB" else f"{value:.3f}"


BUDGETS = {
    "help": Budget("`python -m lab --help`", limit=0.2),
    "up": Budget("`lab up`, from no machine to ready"),
    "vagrant": Budget("plain `vagrant up`, the same scripts"),
    "overhead": Budget("`lab up` : plain `vagrant up`", "ratio", 1.05),
    "again": Budget("`lab up` when all is there", limit=15.0),
    "status": Budget("`lab status`", limit=3.0),
    "memory": Budget("memory that the guest uses", "MiB", 6144.0),
    "save": Budget("`lab snapshot save`"),
    "restore": Budget("`lab snapshot restore`, seen ready"),
    "restore-up": Budget("restore : `lab up`", "ratio", 0.1),
    "reset": Budget("`lab reset`"),
    "unit": Budget("unit tests"),
    "acceptance": Budget("acceptance suite on a lab that is up"),
}
"""From the project's design; the figures are of a 2-core host without KVM."""


def with_ratios(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures with those that are made of two others."""
    result = dict(figures)
    for name, above, below in (("overhead", "up", "vagrant"), ("restore-up", "restore", "up")):
        if above in figures and below in figures:
            result[name] = figures[above] / figures[below]
    return result


def render(figures: Mapping[str, float]) -> str:
    """Return the table: each figure, its budget, and whether that holds."""
    all_figures = with_ratios(figures)
    rows = []
    for name, budget in BUDGETS.items():
        value = all_figures.get(name)
        if budget.limit is None:
            limit = holds = ""
        else:
            limit = budget.shown(budget.limit)
            holds = "" if value is None else "yes" if value <= budget.limit else "**no**"
        rows.append((budget.title, budget.shown(value), limit, holds))
    return table.markdown(("what", "measured", "budget", "holds"), rows)
