"""The command that looks at the host: doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lab.cli.request import Request, common_options, json_option, machine

if TYPE_CHECKING:
    from lab.config import Settings


@click.command(
    epilog="""
\b
Examples:
  python -m lab doctor
  python -m lab --edition rehearsal doctor --thorough
  python -m lab doctor --json
"""
)
@click.option("--thorough", is_flag=True, help="Compare every sum of an offline edition's bundle, too.")
@json_option
@common_options
@click.pass_context
def doctor(context: click.Context, as_json: bool, thorough: bool) -> None:
    """Look whether this computer can run the lab.

    Looks at directories, programs, processors, memory, disk, ports and, for an edition from
    the store, the network, and says what to do where something is wrong. The exit code is 0
    if there are no failures (warnings are none), 30 if all failures are of the network, else 10.
    """
    from lab.plan import preflight
    from lab.probes.host.render import render

    settings = context.ensure_object(Request).settings()
    with _notice("Looking at this computer ..."):
        report = preflight.doctor(settings, _state(settings), thorough=thorough)
    if as_json:
        lab = {"lab": settings.name, "edition": settings.edition.name, "banner": settings.banner}
        click.echo(json.dumps({**lab, **report.to_dict()}, indent=2))
    else:
        banner = f"{settings.banner}: " if settings.banner else ""
        title = f"{banner}this computer, for the lab {settings.name}, edition {settings.edition.name}"
        click.echo(render(report, title, terminal=sys.stdout.isatty()), nl=False)
    context.exit(report.exit_code)


@contextmanager
def _notice(text: str) -> Iterator[None]:
    """Show a line for as long as the work lasts, if there is a person to see it."""
    if not sys.stderr.isatty():
        yield
        return
    click.echo(text, nl=False, err=True)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


def _state(settings: Settings) -> str:
    from lab.errors import LabError

    found = machine(settings)
    try:
        return found.state()
    except LabError:
        # Vagrant cannot say; why not is among the findings.
        return "unknown" if found.exists() else "not_created"
