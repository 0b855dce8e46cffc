"""Commands that change the lab: up, provision, reset, halt, down."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.part import Part, dry_run_option, part_options, show
from lab.cli.request import Request, common_options, connect, machine
from lab.cli.talk import command_line, confirm, what_next
from lab.cli.work import absent, at_work, events_option

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.plan.bringup import Bringup
    from lab.report.tasks import Tasks


@click.command(
    epilog="""
\b
Examples:
  python -m lab up
  python -m lab --edition rehearsal up
  python -m lab --name second up --cpus 4 --memory-mib 16384
  python -m lab up --box lesson-3.box   from what `bake` has packed, in minutes
  python -m lab up --from controller    not the steps before it
  python -m lab up --dry-run            print what would be run
"""
)
@click.option("--cpus", type=int, help="Processors of the VM.")
@click.option("--memory-mib", type=int, help="Memory of the VM, in MiB.")
@click.option("--disk-gib", type=int, help="Disk of the VM, in GiB.")
@click.option("--provider", type=click.Choice(["libvirt", "virtualbox"]), help="What runs the VM.")
@click.option("--bundle", metavar="DIRECTORY", help="Where an offline edition takes snaps and images from.")
@click.option("--box", metavar="FILE", help="A lab that `bake` has packed, to start from.")
@click.option("--force", is_flag=True, help="Go on even if this computer fails a check (lab doctor).")
@part_options
@dry_run_option
@events_option
@common_options
@click.pass_obj
def up(
    request: Request,
    cpus: int | None,
    memory_mib: int | None,
    disk_gib: int | None,
    provider: str | None,
    bundle: str | None,
    box: str | None,
    force: bool,
    start: str | None,
    only: str | None,
    dry_run: bool,
) -> None:
    """Bring the lab up, or go on where the last run ended.

    Checks this computer, creates and starts the VM and carries out the documented sequence
    in it. What is there already is left alone, so it does no harm to run it again.
    """
    settings = request.settings(
        cpus=cpus, memory_mib=memory_mib, disk_gib=disk_gib, provider=provider, bundle=bundle, box=box
    )
    if box is not None:
        _require_unmade(settings)
    part = Part(start, only)
    if dry_run:
        show(settings, "up", part, creates=True)
        return
    result = what_next(settings)
    _carry_out(request, settings, "up", lambda bringup: bringup.up(), result, part, force=force)


@click.command(
    epilog="""
\b
Examples:
  python -m lab provision
  python -m lab provision --only 40-addons    one step; 40 or addons will do
"""
)
@part_options
@dry_run_option
@events_option
@common_options
@click.pass_obj
def provision(request: Request, start: str | None, only: str | None, dry_run: bool) -> None:
    """Carry out the documented sequence in a VM that runs.

    What `up` does after it has started the VM. For work on the scripts in provision/.
    """
    settings = request.settings()
    part = Part(start, only)
    if dry_run:
        show(settings, "provision", part)
        return
    _carry_out(request, settings, "provision", lambda bringup: bringup.provision(), what_next(settings), part)


@click.command(
    epilog="""
\b
Examples:
  python -m lab reset            remove everything from the VM
  python -m lab reset --again    and carry the sequence out once more
"""
)
@click.option("--again", is_flag=True, help="Carry the documented sequence out again afterwards.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@dry_run_option
@events_option
@common_options
@click.pass_obj
def reset(request: Request, again: bool, yes: bool, dry_run: bool) -> None:
    """Remove all that was installed, and prove it.

    This is the documented purge path. The VM stays. It works on a lab that is half built, too.
    """
    settings = request.settings()
    if not again and absent(request, settings, "reset", machine(settings).state()):
        return
    if dry_run:
        command = "reset --again" if again else "reset"
        show(settings, command, Part() if again else None, creates=True, purge=True)
        return
    confirm(f"Remove MicroK8s, Juju, Kubeflow and all their data from the lab '{settings.name}'?", yes)
    gone = f"Nothing is left. This does it all again: {command_line(settings, 'up')}"
    result = what_next(settings) if again else gone
    _carry_out(request, settings, "reset", lambda bringup: bringup.reset(again=again), result)


@click.command(epilog="\b\nExample:\n  python -m lab halt")
@events_option
@common_options
@click.pass_obj
def halt(request: Request) -> None:
    """Shut the VM down; up starts it again."""
    settings = request.settings()
    vm = machine(settings)
    if absent(request, settings, "halt", vm.state()):
        return
    with at_work(request, settings, "halt") as work:
        with work.tasks("halt", 1).task("vm-halt", "Shut the virtual machine down"):
            vm.halt()
        work.say(
            f"The VM of the lab '{settings.name}' is down. This starts it: {command_line(settings, 'up')}"
        )


@click.command(
    epilog="""
\b
Examples:
  python -m lab down            keeps logs and reports
  python -m lab down --purge    keeps nothing
"""
)
@click.option("--purge", is_flag=True, help="Remove logs and reports, too.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@events_option
@common_options
@click.pass_obj
def down(request: Request, purge: bool, yes: bool) -> None:
    """Destroy the VM and forget the lab; its logs stay."""
    settings = request.settings()
    vm = machine(settings)
    directory = settings.state_dir
    if not directory.exists() and absent(request, settings, "down", vm.state()):
        return
    confirm(f"Destroy the VM of the lab '{settings.name}' and all that is in it?", yes)
    with at_work(request, settings, "down") as work:
        with work.tasks("down", 1).task("vm-destroy", "Destroy the virtual machine"):
            vm.destroy()
            _forget(directory, logs=purge)
        work.say(f"The lab '{settings.name}' is gone.")
    if purge:
        shutil.rmtree(directory)


def _forget(directory: Path, *, logs: bool) -> None:
    for path in directory.iterdir():
        # The lock is held; its file goes last, if at all.
        if path.name in ("lock", "lock.owner") or (path.name in ("logs", "reports") and not logs):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _carry_out(
    request: Request,
    settings: Settings,
    command: str,
    act: Callable[[Bringup], Tasks],
    result: str,
    part: Part = Part(),  # noqa: B008 - it cannot be changed
    *,
    force: bool = False,
) -> None:
    """Carry out a command that goes through the sequence, and say what came of it."""
    from lab.plan.bringup import Bringup, Doors

    selection = part.of(settings)
    with at_work(request, settings, command) as work:
        doors = Doors(
            machine=machine(settings),
            connect=lambda: connect(settings),
            preflight=lambda state, tell: _preflight(settings, state, tell, force=force),
            verify_bundle=lambda on_file: _verify_bundle(settings, on_file),
            verify_box=lambda: _verify_box(settings),
        )
        act(Bringup(settings, selection, doors, work.tasks))
        work.say(result)


def _preflight(settings: Settings, state: str, tell: Callable[[str], None], *, force: bool) -> None:
    from lab.plan.preflight import preflight, stop_on

    stop_on(preflight(settings, state), force=force, tell=tell)


def _verify_bundle(settings: Settings, on_file: Callable[[str], None]) -> None:
    from lab.editions.bundle import verify_bundle

    if settings.bundle is not None:
        stamp = settings.state_dir / "bundle.json"
        verify_bundle(settings.bundle, settings.edition.name, stamp=stamp, on_file=on_file)


def _require_unmade(settings: Settings) -> None:
    """Stop if the lab has a VM that was made from something else than the box that was asked for."""
    from lab.errors import UsageError
    from lab.record import read_record

    made_from = read_record(settings.state_dir).get("box")
    if machine(settings).exists() and made_from != str(settings.box):
        raise UsageError(
            f"The lab '{settings.name}' has a VM already, which was not made from '{settings.box}'.",
            code="LAB-BAKE-012",
            hint=f"Take another name (--name), or remove it first: {command_line(settings, 'down')}",
        )


def _verify_box(settings: Settings) -> None:
    from lab.editions.baked import verify_baked

    if settings.box is not None:
        verify_baked(settings.box, settings.edition.name)
