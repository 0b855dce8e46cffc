"""Commands that change the lab: up, provision, reset, halt, down."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lab.cli.request import Request, common_options, connect, machine

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
"""
)
@click.option("--cpus", type=int, help="Processors of the VM.")
@click.option("--memory-mib", type=int, help="Memory of the VM, in MiB.")
@click.option("--disk-gib", type=int, help="Disk of the VM, in GiB.")
@click.option("--provider", type=click.Choice(["libvirt", "virtualbox"]), help="What runs the VM.")
@click.option("--bundle", metavar="DIRECTORY", help="Where an offline edition takes snaps and images from.")
@common_options
@click.pass_obj
def up(
    request: Request,
    cpus: int | None,
    memory_mib: int | None,
    disk_gib: int | None,
    provider: str | None,
    bundle: str | None,
) -> None:
    """Bring the lab up, or go on where the last run ended.

    Creates and starts the VM and carries out the documented sequence in it. What is
    there already is left alone, so it does no harm to run it again.
    """
    settings = request.settings(
        cpus=cpus, memory_mib=memory_mib, disk_gib=disk_gib, provider=provider, bundle=bundle
    )
    _work(settings, "up", lambda bringup: bringup.up())
    _show_next(settings)


@click.command(epilog="\b\nExample:\n  python -m lab provision")
@common_options
@click.pass_obj
def provision(request: Request) -> None:
    """Carry out the documented sequence in a VM that runs.

    What `up` does after it has started the VM. For work on the scripts in provision/.
    """
    settings = request.settings()
    _work(settings, "provision", lambda bringup: bringup.provision())
    _show_next(settings)


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
@common_options
@click.pass_obj
def reset(request: Request, again: bool, yes: bool) -> None:
    """Remove all that was installed, and prove it.

    This is the documented purge path. The VM stays. It works on a lab that is half built, too.
    """
    settings = request.settings()
    if not again and _absent(settings):
        return
    _confirm(f"Remove MicroK8s, Juju, Kubeflow and all their data from the lab '{settings.name}'?", yes)
    _work(settings, "reset", lambda bringup: bringup.reset(again=again))
    if again:
        _show_next(settings)
    else:
        click.echo("\nNothing is left. This does it all again: " + _command(settings, "up"))


@click.command(epilog="\b\nExample:\n  python -m lab halt")
@common_options
@click.pass_obj
def halt(request: Request) -> None:
    """Shut the VM down; up starts it again."""
    settings = request.settings()
    if _absent(settings):
        return
    with _locked(settings, "halt"):
        machine(settings).halt()
    click.echo(f"The VM of the lab '{settings.name}' is down. This starts it: {_command(settings, 'up')}")


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
@common_options
@click.pass_obj
def down(request: Request, purge: bool, yes: bool) -> None:
    """Destroy the VM and forget the lab; its logs stay."""
    settings = request.settings()
    if not settings.state_dir.exists() and _absent(settings):
        return
    _confirm(f"Destroy the VM of the lab '{settings.name}' and all that is in it?", yes)
    directory = settings.state_dir
    with _locked(settings, "down"):
        machine(settings).destroy()
        for path in directory.iterdir():
            # The lock is held; its file goes last, if at all.
            if path.name in ("lock", "lock.owner") or (path.name in ("logs", "reports") and not purge):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    if purge:
        shutil.rmtree(directory)
    click.echo(f"The lab '{settings.name}' is gone.")


def _work(settings: Settings, command: str, work: Callable[[Bringup], Tasks]) -> None:
    """Carry out a command that consists of tasks, showing each, and the times at the end."""
    from lab.plan.bringup import Bringup, Doors
    from lab.plan.catalogue import load_steps
    from lab.report.events import Bus
    from lab.report.logs import LogWriter
    from lab.report.tasks import Tasks
    from lab.report.terminal import make_renderer
    from lab.report.text import timing_table

    steps = load_steps(settings.provision_dir)
    with _locked(settings, command), make_renderer() as renderer:
        bus = Bus(LogWriter(settings.state_dir / "logs"), renderer)
        doors = Doors(
            machine=machine(settings),
            connect=lambda: connect(settings),
            check_store=_check_store,
            verify_bundle=lambda on_file: _verify_bundle(settings, on_file),
        )
        bringup = Bringup(
            settings,
            steps,
            doors,
            lambda title, total, again: Tasks(
                bus, title=title, banner=settings.banner, total=total, again=again
            ),
        )
        tasks = work(bringup)
    click.echo("\n" + "\n".join(timing_table(tasks.timings)))


def _check_store() -> None:
    from lab.probes.store import check_store

    check_store()


def _verify_bundle(settings: Settings, on_file: Callable[[str], None]) -> None:
    from lab.editions.bundle import verify_bundle

    if settings.bundle is not None:
        stamp = settings.state_dir / "bundle.json"
        verify_bundle(settings.bundle, settings.edition.name, stamp=stamp, on_file=on_file)


@contextmanager
def _locked(settings: Settings, command: str) -> Iterator[None]:
    from lab.plan.lock import lab_lock

    with lab_lock(settings.make_state_dir(), command):
        yield


def _absent(settings: Settings) -> bool:
    """Say so if there is no machine, and so nothing to do."""
    if machine(settings).state() != "not_created":
        return False
    click.echo(f"The lab '{settings.name}' has no VM, so there is nothing to do.")
    return True


def _person() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _confirm(question: str, yes: bool) -> None:
    # A program that calls this knows what it wants; a person may have mistyped.
    if not yes and _person():
        click.confirm(question, abort=True)


def _command(settings: Settings, command: str) -> str:
    name = "" if settings.name == "kubeflow" else f"--name {settings.name} "
    return f"python -m lab {name}{command}"


def _show_next(settings: Settings) -> None:
    tox = (
        "tox -e acceptance" if settings.name == "kubeflow" else f"LAB_NAME={settings.name} tox -e acceptance"
    )
    rows = [
        (_command(settings, "status"), "how the lab is, layer by layer"),
        (_command(settings, "ssh"), "a shell in the VM"),
        (_command(settings, "kubeconfig --tunnel"), "kubectl on this computer"),
        (tox, "prove that every part works"),
        (_command(settings, "reset --again"), "take it back and do it once more"),
    ]
    width = max(len(command) for command, _ in rows)
    state = f"{settings.banner}: the" if settings.banner else "The"
    click.echo(f"\n{state} lab '{settings.name}' is up. Next:")
    for command, what in rows:
        click.echo(f"  {command:<{width}}  {what}")
