"""Renders a status: a table on a terminal, plain aligned lines otherwise."""

from __future__ import annotations

import io
import sys

from lab.probes.model import Item, Status, age

_WORDS = {True: "ready", False: "NOT READY", None: "unknown"}
_STYLES = {True: "green", False: "bold red", None: "yellow"}

_Row = tuple[str, bool | None, str, str, str]


def render(status: Status, *, terminal: bool | None = None, width: int | None = None) -> str:
    """Return the status as text.

    Args:
        status: What `collect` found.
        terminal: Whether to draw a coloured table; by default, if standard output is a terminal.
        width: Columns of the terminal; by default as wide as it is.
    """
    if sys.stdout.isatty() if terminal is None else terminal:
        return _table(status, width)
    return _plain(status)


def _rows(status: Status) -> list[_Row]:
    rows: list[_Row] = []
    told: set[str] = set()

    def add(name: str, ready: bool | None, item: Item, reason: str) -> None:
        since = age(item.since, status.now)
        rows.append((name, ready, since, " ".join(reason.split()), _advice(item, told)))

    for layer in status.layers:
        add(layer.name, layer.ready, layer.own, layer.reason)
        for item in layer.items:
            add("  " + _name(item), item.ready, item, item.reason)
    return rows


def _advice(item: Item, told: set[str]) -> str:
    """Return the known issue with its fix, which is said once however many things have it."""
    issue = item.known_issue
    if issue is None:
        return ""
    if issue.id in told:
        return f"-> {issue.id}, see above"
    told.add(issue.id)
    return f"-> {issue.id}: {issue.fix}"


def _name(item: Item) -> str:
    return item.name if item.required else f"{item.name} (extra)"


def _title(status: Status) -> str:
    banner = f"{status.banner}: " if status.banner else ""
    return f"{banner}lab {status.name}, edition {status.edition}"


def _verdict(status: Status) -> str:
    return "The lab is ready." if status.ready else f"The lab is not ready. {status.trouble}"


def _plain(status: Status) -> str:
    rows = _rows(status)
    names = max(len(row[0]) for row in rows)
    ages = max(len(row[2]) for row in rows)
    lines = []
    for name, ready, since, reason, advice in rows:
        lines.append(f"{name:<{names}}  {_WORDS[ready]:<9}  {since:<{ages}}  {reason}".rstrip())
        if advice:
            lines.append(f"{'':<{names}}  {advice}")
    lines.append(_verdict(status))
    if status.advice:
        lines.append(f"What to do: {status.advice}")
    return "\n".join([_title(status), *lines]) + "\n"


def _table(status: Status, width: int | None) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_title(status), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("", "state", "since", "reason"):
        table.add_column(heading, overflow="fold")
    for name, ready, since, reason, advice in _rows(status):
        style = "" if name.startswith(" ") else "bold"
        why = Text(reason)
        if advice:
            why.append(f"\n{advice}", "yellow")
        table.add_row(Text(name, style), Text(_WORDS[ready], _STYLES[ready]), Text(since, "dim"), why)
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    console.print(table)
    console.print(Text(_verdict(status), "green" if status.ready else "bold red"))
    if status.advice:
        console.print(Text(f"What to do: {status.advice}"))
    file = console.file
    assert isinstance(file, io.StringIO)  # noqa: S101 - it is the one given above
    return file.getvalue()
