"""Renders a status: a table on a terminal, plain aligned lines otherwise."""

from __future__ import annotations

import io
import sys

from lab.probes.model import Item, Status, age

_WORDS = {True: "ready", False: "NOT READY", None: "unknown"}
_STYLES = {True: "green", False: "bold red", None: "yellow"}

_Row = tuple[str, bool | None, str, str]


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
    for layer in status.layers:
        rows.append((layer.name, layer.ready, age(layer.own.since, status.now), layer.reason))
        rows += [
            ("  " + _name(item), item.ready, age(item.since, status.now), item.reason) for item in layer.items
        ]
    return rows


def _name(item: Item) -> str:
    return item.name if item.required else f"{item.name} (extra)"


def _title(status: Status) -> str:
    banner = f"{status.banner}: " if status.banner else ""
    return f"{banner}lab {status.name}, edition {status.edition}"


def _verdict(status: Status) -> str:
    return "The lab is ready." if status.ready else f"The lab is not ready. {status.trouble}"


def _plain(status: Status) -> str:
    rows = [
        (name, _WORDS[ready], since, " ".join(reason.split())) for name, ready, since, reason in _rows(status)
    ]
    names = max(len(row[0]) for row in rows)
    ages = max(len(row[2]) for row in rows)
    lines = [
        f"{name:<{names}}  {word:<9}  {since:<{ages}}  {reason}".rstrip()
        for name, word, since, reason in rows
    ]
    return "\n".join([_title(status), *lines, _verdict(status)]) + "\n"


def _table(status: Status, width: int | None) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_title(status), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("", "state", "since", "reason"):
        table.add_column(heading, overflow="fold")
    for name, ready, since, reason in _rows(status):
        style = "" if name.startswith(" ") else "bold"
        table.add_row(
            Text(name, style), Text(_WORDS[ready], _STYLES[ready]), Text(since, "dim"), Text(reason)
        )
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    console.print(table)
    console.print(Text(_verdict(status), "green" if status.ready else "bold red"))
    file = console.file
    assert isinstance(file, io.StringIO)  # noqa: S101 - it is the one given above
    return file.getvalue()
