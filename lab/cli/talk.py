"""What commands ask of a person, and what they tell one to type next."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from lab.python import activation

if TYPE_CHECKING:
    from lab.config import Settings


def confirm(question: str, yes: bool) -> None:
    """Let a person think again before something is lost; ``yes`` is the answer of the command line."""
    # A program that calls this knows what it wants; a person may have mistyped.
    if not yes and _person():
        click.confirm(question, abort=True, err=True)


def command_line(settings: Settings, command: str) -> str:
    """Return what to type for a command on this lab."""
    name = "" if settings.name == "kubeflow" else f"--name {settings.name} "
    return f"python -m lab {name}{command}"


def named(text: str, name: object) -> str:
    """Return a text in which each command to type is for the lab that ``--name`` chose, if it did."""
    return re.sub(r"python -m lab (?!--name )", f"python -m lab --name {name} ", text) if name else text


def what_next(settings: Settings) -> str:
    """Return what to do with a lab that is up."""
    rows = [(activate, "once in each terminal")] if (activate := activation()) else []
    rows += [
        (command_line(settings, "status"), "how the lab is, layer by layer"),
        (command_line(settings, "open"), "Kubeflow in a browser, with the login"),
        (command_line(settings, "ssh"), "a shell in the VM"),
        (command_line(settings, "kubeconfig --tunnel"), "kubectl on this computer"),
        (command_line(settings, "test"), "prove that every part works"),
        (command_line(settings, "reset --again"), "take it back and do it once more"),
    ]
    width = max(len(command) for command, _ in rows)
    state = f"{settings.banner}: the" if settings.banner else "The"
    lines = [f"{state} lab '{settings.name}' is up. Next:"]
    lines += [f"  {command:<{width}}  {what}" for command, what in rows]
    return "\n".join(lines)


def _person() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
