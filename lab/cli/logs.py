"""The command logs: lists the logs of a lab, prints one, or gathers the problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.request import Request, common_options, connect, json_option, machine
from lab.cli.talk import named

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.problems.model import Problems

_CONNECT_SECONDS = 15.0


@click.command(
    epilog="""
\b
Examples:
  python -m lab logs                list them
  python -m lab logs 20-microk8s    print one
  python -m lab logs -n 50 kubeflow its last lines; a part of the name will do
  python -m lab logs --problems     what is wrong, and what to do
"""
)
@click.argument("step", required=False)
@click.option("--lines", "-n", type=click.IntRange(min=1), help="Only the last lines.")
@click.option("--problems", is_flag=True, help="What matters of all logs and of the VM, with known issues.")
@json_option
@common_options
@click.pass_obj
def logs(request: Request, step: str | None, lines: int | None, problems: bool, as_json: bool) -> None:
    """List logs, print one, or gather what went wrong.

    --problems reads the last run of each step and, if the VM answers, its status, the
    events of its pods and Juju's log.
    """
    settings = request.settings()
    if problems:
        if step is not None or lines is not None:
            raise click.UsageError("--problems is about all logs: it takes neither STEP nor --lines.")
        from lab.problems.render import render

        wrong = _problems(settings)
        if as_json:
            click.echo(json.dumps(wrong.to_dict(), indent=2))
        else:
            click.echo(named(render(wrong), request.overrides.get("name")), nl=False)
        return
    directory = settings.state_dir / "logs"
    found = {path.stem: path for path in sorted(directory.glob("*.log"))}
    if step is None:
        _list(found, as_json)
        return
    path = _choose(found, step)
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    text = text[-lines:] if lines else text
    if as_json:
        click.echo(json.dumps({"name": path.stem, "path": str(path), "lines": text}, indent=2))
    else:
        click.echo("\n".join(text))


def _list(found: dict[str, Path], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"name": name, "path": str(path)} for name, path in found.items()], indent=2))
        return
    for name, path in found.items():
        click.echo(f"{name:<20}  {path.stat().st_size:>9} bytes  {path}")
    if not found:
        click.echo("There are no logs yet.")


def _choose(found: dict[str, Path], step: str) -> Path:
    from lab.errors import UsageError

    matches = [name for name in found if step == name] or [name for name in found if step in name]
    if len(matches) == 1:
        return found[matches[0]]
    raise UsageError(
        f"There are {len(matches)} logs that '{step}' could mean."
        if matches
        else f"There is no log '{step}'.",
        code="LAB-LOG-001",
        hint=f"Logs: {', '.join(matches or found) or 'none yet'}.",
    )


def _problems(settings: Settings) -> Problems:
    from lab.errors import LabError
    from lab.problems.gather import gather
    from lab.vm.states import RUNNING

    transport, unseen = None, ""
    try:
        # Whatever keeps the VM from answering, the logs can be read.
        state = machine(settings).state()
        if state == RUNNING:
            transport = connect(settings, timeout=_CONNECT_SECONDS)
        else:
            unseen = f"it is {state.replace('_', ' ')}"
    except LabError as error:
        unseen = error.message
    try:
        return gather(settings, transport, unseen)
    finally:
        if transport is not None:
            transport.close()
