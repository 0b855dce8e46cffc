"""Shows the plan: for people, as a document, and as shell."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from lab.config import Settings
from lab.plan.journal import Entry
from lab.plan.step import Step
from lab.report.history import Usual, nothing_known
from lab.report.text import OUTCOMES, duration

_WIDTH = 100


def text(
    steps: Sequence[Step],
    settings: Settings,
    journal: Mapping[str, Entry],
    usual: Usual = nothing_known,
) -> str:
    """Return the plan for people, with what is known of each step's last run and of its usual time."""
    banner = f"{settings.banner}: " if settings.banner else ""
    lines = [f"{banner}lab '{settings.name}', {settings.edition.title}", ""]
    for step in steps:
        known = [_last_run(journal.get(step.name)), _usual(usual(step.name, step.fingerprint))]
        remarks = "; ".join(filter(None, known))
        lines.append(f"{step.name}  {step.title}" + (f"  ({remarks})" if remarks else ""))
        lines += [f"    documented: {line}" for line in step.documented]
        lines.append(f"    instead:    provision/{step.path.name}")
        indent = "    why:        "
        lines += textwrap.wrap(step.why, _WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))
        lines.append("")
    return "\n".join(lines)


def markdown(steps: Sequence[Step]) -> str:
    """Return the plan as a document."""
    lines = [
        "# Steps",
        "",
        "Rendered from the headers in `provision/` by `python -m lab plan --format markdown`.",
    ]
    for step in steps:
        lines += ["", f"## {step.name}: {step.title}", "", step.why]
        if step.documented:
            lines += ["", "The documentation says:", "", "```sh", *step.documented, "```"]
        retries = f", tried again up to {step.retries} times if it may pass" if step.retries else ""
        session = " A new login follows." if step.new_session else ""
        lines += [
            "",
            f"Done by `provision/{step.path.name}`; deadline {duration(step.timeout)}{retries}; "
            f"layer {step.layer}.{session}",
        ]
    return "\n".join(lines) + "\n"


def shell(steps: Sequence[Step]) -> str:
    """Return the plan as lines for a shell in the guest, in a copy of ``provision/``."""
    lines = ["set -e", "cd ~/.kubeflow-lab/provision"]
    for step in steps:
        lines += ["", f"# {step.title}"]
        lines += [f"# documented: {line}" for line in step.documented]
        lines.append(f"bash {step.path.name} run")
    return "\n".join(lines) + "\n"


def _last_run(entry: Entry | None) -> str:
    if entry is None:
        return ""
    seconds = f" in {duration(entry.seconds)}" if entry.seconds is not None else ""
    return f"{OUTCOMES.get(entry.state, entry.state)}{seconds}, {entry.ended or entry.started}"


def _usual(seconds: float | None) -> str:
    return f"usually {duration(seconds)}" if seconds else ""
