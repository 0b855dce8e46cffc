"""Renders what the doctor found: a table on a terminal, plain aligned lines otherwise."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

from lab.probes.host.finding import Finding, Level, Report

_STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def render(report: Report, title: str, *, terminal: bool, width: int | None = None) -> str:
    """Return the findings as text, by subject.

    Args:
        report: What was found.
        title: The first line.
        terminal: Whether to draw a coloured table.
        width: Columns of the terminal; by default as wide as it is.
    """
    return _table(report, title, width) if terminal else _plain(report, title)


def verdict(report: Report) -> str:
    """Return what it all comes to, in one line."""
    counts = [
        f"{len(findings)} {what}{'' if len(findings) == 1 else 's'}"
        for what, findings in (("failure", report.failures), ("warning", report.warnings))
        if findings
    ]
    if report.failures:
        return f"A lab cannot come up here: {', '.join(counts)}."
    return f"A lab can come up here{f': {counts[0]}' if counts else ''}."


def _subjects(report: Report) -> Iterator[tuple[str, Iterator[tuple[Finding, str]]]]:
    for subject, findings in itertools.groupby(report.findings, key=lambda finding: finding.subject):
        yield subject, _advised(list(findings))


def _advised(findings: list[Finding]) -> Iterator[tuple[Finding, str]]:
    """Yield each finding with its advice, which is left out where the next one has the same."""
    for finding, following in itertools.zip_longest(findings, findings[1:]):
        again = following is not None and following.advice == finding.advice
        yield finding, "" if again else finding.advice


def _found(finding: Finding) -> str:
    return f"{finding.code}: {finding.found}" if finding.code else finding.found


def _plain(report: Report, title: str) -> str:
    names = max(len(finding.id) for finding in report.findings)
    lines = [title]
    for subject, findings in _subjects(report):
        lines.append(subject)
        for finding, advice in findings:
            lines.append(f"  {finding.level:<7}  {finding.id:<{names}}  {' '.join(_found(finding).split())}")
            if advice:
                lines.append(f"  {'':<7}  {'':<{names}}  What to do: {' '.join(advice.split())}")
    return "\n".join([*lines, verdict(report)]) + "\n"


def _table(report: Report, title: str, width: int | None) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False
    )
    for ratio in (None, None, 1):
        table.add_column(overflow="fold", ratio=ratio)
    for subject, findings in _subjects(report):
        table.add_row(Text(subject, "bold"), "", "")
        for finding, advice in findings:
            table.add_row(
                Text(f"  {finding.level}", _STYLES[finding.level]), finding.id, Text(_found(finding))
            )
            if advice:
                table.add_row("", "", Text(f"What to do: {advice}", "cyan"))
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    console.print(table)
    console.print(Text(verdict(report), "bold red" if report.failures else "green"))
    file = console.file
    assert isinstance(file, io.StringIO)  # noqa: S101 - it is the one given above
    return file.getvalue()
