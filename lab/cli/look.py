"""Commands that only look: plan, status, version."""

from __future__ import annotations

import json
import platform
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab import __version__
from lab.cli.request import Request, common_options, connect, json_option, machine
from lab.cli.talk import named
from lab.cli.work import open_history

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.plan.journal import Entry
    from lab.report.history import Usual

_STATUS_CONNECT_SECONDS = 15.0

DRIFT = 3
"""What `status --drift` exits with if something differs."""


@click.command(
    epilog="""
\b
Examples:
  python -m lab plan
  python -m lab plan --format markdown > docs/steps.md
"""
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "shell"]),
    default="text",
    show_default=True,
    help="For people, for a document, or for a shell in the VM.",
)
@json_option
@common_options
@click.pass_obj
def plan(request: Request, form: str, as_json: bool) -> None:
    """Show the steps of the documented sequence.

    For each: what the documentation says, what is done in its place, and why; how its
    last run in this lab ended, and how long it usually takes on this host.
    """
    from lab.plan import render
    from lab.plan.catalogue import load_steps

    settings = request.settings()
    steps = load_steps(settings.provision_dir)
    usual = _usual(settings)
    if as_json:
        journal = {name: vars(entry) for name, entry in _journal(settings).items()}
        data = {
            "lab": settings.name,
            "edition": settings.edition.name,
            "banner": settings.banner,
            "steps": [
                {
                    **step.to_dict(),
                    "last_run": journal.get(step.name),
                    "usual_seconds": usual(step.name, step.fingerprint),
                }
                for step in steps
            ],
        }
        click.echo(json.dumps(data, indent=2))
    elif form == "markdown":
        click.echo(render.markdown(steps), nl=False)
    elif form == "shell":
        click.echo(render.shell(steps), nl=False)
    else:
        click.echo(render.text(steps, settings, _journal(settings), usual), nl=False)


@click.command(
    epilog="""
\b
Examples:
  python -m lab status
  python -m lab status --json
  python -m lab status --drift
  python -m lab status --drift teachers-lab.lock
"""
)
@click.option(
    "--drift",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Show what differs from the versions in lab.lock, or in another lock.",
)
@json_option
@common_options
@click.pass_context
def status(context: click.Context, drift: str | None, as_json: bool) -> None:
    """Show how the lab is, layer by layer.

    For each: whether it is ready, since when, and why not. The exit code is 0 if all is
    ready; else it is the lowest layer's that is not: 20 VM, 40 MicroK8s, 50 Juju,
    60 Kubeflow. With --drift it is 0 if the versions are those of the lock, and 3 if not.
    """
    from lab.errors import LabError
    from lab.probes.status import collect, render
    from lab.vm.states import RUNNING

    request = context.ensure_object(Request)
    settings = request.settings()
    if drift is not None:
        context.exit(_show_drift(settings, drift, as_json))
    state = machine(settings).state()
    transport = None
    if state == RUNNING:
        try:
            transport = connect(settings, timeout=_STATUS_CONNECT_SECONDS)
        except LabError as error:
            click.echo(f"{error.code}: {error.message}", err=True)
    try:
        found = collect(transport, state, settings)
    finally:
        if transport is not None:
            transport.close()
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        click.echo(named(render(found), request.overrides.get("name")), nl=False)
    context.exit(found.exit_code)


@click.command(epilog="\b\nExample:\n  python -m lab version --json")
@json_option
@common_options
def version(as_json: bool) -> None:
    """Show versions and editions."""
    from lab.editions import edition_names

    data = {
        "lab": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "editions": list(edition_names()),
    }
    if as_json:
        click.echo(json.dumps(data, indent=2))
        return
    for key, value in data.items():
        click.echo(f"{key:<8}  {', '.join(value) if isinstance(value, list) else value}")


def _show_drift(settings: Settings, file: str, as_json: bool) -> int:
    """Compare the lab with a lock, print what differs and return the exit code."""
    from lab.probes import drift
    from lab.probes.versions import read_versions

    path = Path(file) if file else settings.state_dir / drift.FILE
    lock = drift.read_lock(path)
    with closing(connect(settings, timeout=_STATUS_CONNECT_SECONDS)) as transport:
        differences = drift.find_drift(lock, read_versions(transport, settings))
    if as_json:
        click.echo(json.dumps(drift.to_dict(differences, settings.name, path), indent=2))
    else:
        click.echo(drift.text(differences, settings.name))
    return DRIFT if differences else 0


def _usual(settings: Settings) -> Usual:
    from lab.report.history import history_file, nothing_known

    # What carries the machines takes seconds to find out; without records nobody needs to know.
    return open_history(settings).usual if history_file().exists() else nothing_known


def _journal(settings: Settings) -> dict[str, Entry]:
    from lab.plan.journal import read_entries

    return read_entries(settings.state_dir / "journal.json")
