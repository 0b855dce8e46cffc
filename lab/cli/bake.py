"""The command that packs a lab for others: bake."""

from __future__ import annotations

from pathlib import Path

import click

from lab.cli.checkpoint import ways
from lab.cli.request import Request, common_options
from lab.cli.talk import confirm
from lab.cli.work import at_work, events_option


@click.command(
    epilog="""
\b
Examples:
  python -m lab bake                     as EDITION-DATE.box, here
  python -m lab bake /srv/lesson-3.box
  python -m lab --name mine up --box /srv/lesson-3.box    what others do with it
"""
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--halt", "stay_off", is_flag=True, help="Leave the VM off afterwards.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@events_option
@common_options
@click.pass_obj
def bake(request: Request, file: Path | None, force: bool, stay_off: bool, yes: bool) -> None:
    """Pack a lab that is ready as a box for others.

    Shuts the VM down, copies its disk, and starts it again. Others bring the box up in minutes, and
    download nothing. Each copy gets keys and a login of its own; whatever else is in the VM is in
    the box, so hand it only to whom you trust with that.
    """
    from lab.plan.baking import Baking
    from lab.vm import packing
    from lab.vm.disk import allocated

    settings = request.settings()
    its_ways = ways(settings)
    target = (file or Path(f"{settings.edition.name}-{its_ways.now():%Y-%m-%d}.box")).absolute()
    confirm(f"Shut the VM of the lab '{settings.name}' down while its disk is copied?", yes)
    with at_work(request, settings, "bake") as work:
        baking = Baking(settings, its_ways, work.tasks, packing, taken=allocated)
        done = baking.bake(target, force=force, stay_off=stay_off)
        work.say(f"{done}\nOn another computer with this project: python -m lab up --box {target.name}")
