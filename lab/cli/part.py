"""A part of the sequence, and a look at what would be done, for the commands that carry it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lab.cli.request import connect, machine

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.plan.selection import Selection

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Part:
    """What ``--from`` and ``--only`` said."""

    start: str | None = None
    only: str | None = None

    def of(self, settings: Settings) -> Selection:
        """Choose the steps.

        Raises:
            UsageError: There are none of these names.
        """
        from lab.plan.catalogue import load_steps
        from lab.plan.selection import select

        return select(load_steps(settings.provision_dir), start=self.start, only=self.only)


def part_options(function: _Function) -> _Function:
    """Add ``--from`` and ``--only``."""
    start = click.option("--from", "start", metavar="STEP", help="Begin with this step, by name or number.")
    only = click.option("--only", metavar="STEP", help="Carry out this step alone.")
    return start(only(function))


def dry_run_option(function: _Function) -> _Function:
    """Add ``--dry-run``."""
    return click.option(
        "--dry-run",
        is_flag=True,
        help="Change nothing: look, and print as shell what would be run.",
    )(function)


def show(
    settings: Settings, command: str, part: Part | None, *, creates: bool = False, purge: bool = False
) -> None:
    """Print what a command would do. It takes no lock, since it changes nothing."""
    from lab.plan.dryrun import Found, look, render
    from lab.vm.environment import vagrant_environment
    from lab.vm.states import RUNNING

    selection = None if part is None else part.of(settings)
    state = machine(settings).state()
    found = Found(state, {})
    if state == RUNNING:
        transport = connect(settings)
        try:
            found = look(transport, settings, selection.steps if selection else (), purge=purge)
        finally:
            transport.close()
    text = render(
        settings,
        command,
        selection,
        found,
        vagrant=vagrant_environment(settings),
        creates=creates,
        purge=purge,
    )
    click.echo(text, nl=False)
