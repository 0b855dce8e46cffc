"""Commands that take the lab through time: snapshot, suspend, resume, heal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from lab.cli.request import Request, common_options, connect, json_option, machine
from lab.cli.talk import confirm
from lab.cli.work import at_work, events_option

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.plan.checkpoints import Checkpoint
    from lab.plan.recovery import Recovery, Ways
    from lab.probes.model import Status
    from lab.report.tasks import Tasks
    from lab.transport.base import Transport


@click.group(
    epilog="""
\b
Examples:
  python -m lab snapshot save lesson-3
  python -m lab snapshot list
  python -m lab snapshot restore lesson-3
"""
)
@common_options
def snapshot() -> None:
    """Save the lab's state, and put it back."""


@snapshot.command(
    epilog="""
\b
Examples:
  python -m lab snapshot save lesson-3
  python -m lab snapshot save lesson-3 --force    replaces one of that name
"""
)
@click.argument("snapshot_name", metavar="SNAPSHOT")
@click.option("--force", is_flag=True, help="Replace a snapshot of that name.")
@events_option
@common_options
@click.pass_obj
def save(request: Request, snapshot_name: str, force: bool) -> None:
    """Save the lab as it is, with the memory of its VM if that runs."""
    _carry_out(request, "snapshot save", lambda recovery: recovery.save(snapshot_name, force=force))


@snapshot.command(
    "list", epilog="\b\nExamples:\n  python -m lab snapshot list\n  python -m lab snapshot list --json"
)
@json_option
@common_options
@click.pass_obj
def list_(request: Request, as_json: bool) -> None:
    """List the snapshots: when they were saved, and what state the lab was in."""
    from lab.plan.recovery import list_checkpoints

    settings = request.settings()
    found = list_checkpoints(settings, ways(settings))
    if as_json:
        click.echo(json.dumps([checkpoint.to_dict() for checkpoint in found], indent=2))
    elif found:
        click.echo("\n".join(_table(found)))
    else:
        click.echo("There are no snapshots. This saves one: python -m lab snapshot save NAME")


@snapshot.command(
    epilog="""
\b
Examples:
  python -m lab snapshot restore lesson-3
  python -m lab snapshot restore lesson-3 --yes
"""
)
@click.argument("snapshot_name", metavar="SNAPSHOT")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@events_option
@common_options
@click.pass_obj
def restore(request: Request, snapshot_name: str, yes: bool) -> None:
    """Put the lab back to a snapshot; its present state is lost.

    Sets the clock, waits until all works again, and mends what does not.
    """
    confirm(f"Put the lab back to '{snapshot_name}' and lose its present state?", yes)
    _carry_out(request, "snapshot restore", lambda recovery: recovery.restore(snapshot_name))


@snapshot.command(epilog="\b\nExample:\n  python -m lab snapshot delete lesson-3")
@click.argument("snapshot_name", metavar="SNAPSHOT")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@events_option
@common_options
@click.pass_obj
def delete(request: Request, snapshot_name: str, yes: bool) -> None:
    """Remove a snapshot."""
    confirm(f"Remove the snapshot '{snapshot_name}'?", yes)
    _carry_out(request, "snapshot delete", lambda recovery: recovery.delete(snapshot_name))


@click.command(epilog="\b\nExample:\n  python -m lab suspend")
@events_option
@common_options
@click.pass_obj
def suspend(request: Request) -> None:
    """Put the VM to sleep, with its memory on the disk.

    It takes neither processor nor memory then; resume lets it go on.
    """
    _carry_out(request, "suspend", lambda recovery: recovery.suspend())


@click.command(epilog="\b\nExample:\n  python -m lab resume")
@events_option
@common_options
@click.pass_obj
def resume(request: Request) -> None:
    """Let a suspended lab go on, and see that it works.

    Sets the clock, waits until all works again, and mends what does not.
    """
    _carry_out(request, "resume", lambda recovery: recovery.resume())


@click.command(epilog="\b\nExample:\n  python -m lab heal")
@events_option
@common_options
@click.pass_obj
def heal(request: Request) -> None:
    """Mend what is stuck after sleep, a reboot or a restore.

    Starts what is off, sets the clock, and makes anew only what stays stuck; each thing it
    does is told. On a healthy lab it does nothing.
    """
    _carry_out(request, "heal", lambda recovery: recovery.heal())


def _carry_out(request: Request, command: str, act: Callable[[Recovery], str]) -> None:
    from lab.plan.recovery import Recovery

    settings = request.settings()
    with at_work(request, settings, command) as work:
        tasks: Callable[[str, int], Tasks] = work.tasks
        work.say(act(Recovery(settings, ways(settings), tasks)))


def ways(settings: Settings) -> Ways:
    """Return the ways out of this process that these commands take."""
    from lab.plan.recovery import Ways
    from lab.probes.status import collect
    from lab.vm.disk import find_disk, snapshot_sizes
    from lab.vm.snapshots import Snapshots
    from lab.vm.states import RUNNING

    def look(transport: Transport) -> Status:
        return collect(transport, RUNNING, settings)

    return Ways(
        machine=machine(settings),
        snapshots=Snapshots(settings),
        connect=lambda: connect(settings),
        look=look,
        disk=lambda: find_disk(settings),
        sizes=snapshot_sizes,
    )


def _table(found: list[Checkpoint]) -> list[str]:
    from lab.vm.disk import gib

    rows = [("NAME", "SAVED", "VM", "READY", "SIZE", "CONTENTS")]
    rows += [
        (
            checkpoint.name,
            checkpoint.created.replace("T", " ")[:16] or "?",
            checkpoint.machine or "?",
            {True: "ready", False: "not ready", None: "?"}[checkpoint.ready],
            "?" if checkpoint.size is None else gib(checkpoint.size),
            checkpoint.trouble or checkpoint.contents,
        )
        for checkpoint in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
