"""Shows problems to people."""

from __future__ import annotations

from collections.abc import Iterator

from lab.diagnose.known_issues import KnownIssue
from lab.paths import shown
from lab.problems.model import Group, Line, Problems

WIDTH = 240
"""Longer lines are cut; the log has the rest."""


def render(problems: Problems) -> str:
    """Return the problems as text: the sources, then the known issues, then what was not looked at."""
    return "\n".join(_all(problems)) + "\n"


def _all(problems: Problems) -> Iterator[str]:
    banner = f"{problems.banner}: " if problems.banner else ""
    yield f"{banner}lab {problems.lab}, what matters of {_logs(problems.logs)}" + (
        "" if problems.unseen else " and of the VM"
    )
    for group in problems.groups:
        yield ""
        yield from _group(group)
    if problems.issues:
        yield ""
        yield "Known issues, causes before their effects:"
        for issue in problems.issues:
            yield from _issue(issue)
    yield ""
    if problems.unseen:
        yield f"The VM was not looked into: {problems.unseen.rstrip('.')}."
    if not problems.groups:
        yield "No problems were found."
    elif not problems.issues:
        yield "None of it is a known issue; docs/errors.md lists those."


def _group(group: Group) -> Iterator[str]:
    yield f"{group.title}, {group.time}" if group.time else group.title
    for line in group.lines:
        yield _line(line)
    if group.more:
        yield f"           and {group.more} more"
    if group.advice:
        yield f"  advice   {group.advice}"
    if group.log is not None:
        yield f"  log      {shown(group.log)}"


def _line(line: Line) -> str:
    said = " ".join(line.text.split())
    if len(said) > WIDTH:
        said = said[:WIDTH].rstrip() + " ..."
    times = f" (x{line.count})" if line.count > 1 else ""
    issues = "".join(f" [{issue.id}]" for issue in line.issues)
    return f"  {line.level:<7}  {said}{times}{issues}"


def _issue(issue: KnownIssue) -> Iterator[str]:
    yield ""
    yield f"  {issue.id}: {issue.title}"
    yield f"    Cause: {issue.cause}"
    yield f"    Fix:   {issue.fix}"
    if issue.urls:
        yield f"    More:  {issue.urls[0]}"


def _logs(count: int) -> str:
    return "1 log" if count == 1 else f"{count} logs"
