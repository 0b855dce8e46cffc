"""The command that packs up what helps to find a fault: collect."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli.request import Request, common_options, connect, machine
from lab.cli.work import at_look, events_option

if TYPE_CHECKING:
    from lab.collect.collector import Collection
    from lab.config import Settings

_CONNECT_SECONDS = 20.0
_SHOWN = 6


@click.command(
    epilog="""
\b
Examples:
  python -m lab collect
  python -m lab collect --output /tmp/report.tar.gz
"""
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The archive (default: lab-NAME-TIME.tar.gz in this directory).",
)
@events_option
@common_options
@click.pass_obj
def collect(request: Request, output: Path | None) -> None:
    """Pack up what helps to find a fault, without secrets.

    Logs, settings, versions, the status, and what the VM, MicroK8s and Juju say of themselves. It works in
    every state of the lab, also while another command is at work, and changes nothing.
    """
    from lab.collect import host
    from lab.collect.collector import TASKS, Collector, Doors
    from lab.errors import HostError

    settings = request.settings()
    path = (output or _default(settings)).absolute()
    if not path.parent.is_dir():
        raise HostError(
            f"There is no directory '{path.parent}'.", code="LAB-COL-001", hint="Choose another --output."
        )
    ways = Doors(
        state=lambda: machine(settings).state(),
        connect=lambda: connect(settings, timeout=_CONNECT_SECONDS),
        environ=os.environ,
        host=lambda: host.questions(settings, os.environ),
    )
    with at_look(request, settings, "collect") as work:
        try:
            found = Collector(settings, ways, work.tasks("collect", TASKS)).collect(path)
        except OSError as error:
            raise HostError(
                f"The archive '{path}' cannot be written: {error.strerror or error}.",
                code="LAB-COL-002",
                hint="Is the disk full, or the directory read-only? Choose another --output.",
            ) from error
        work.say(_summary(found))


def _default(settings: Settings) -> Path:
    return Path(f"lab-{settings.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz")


def _summary(found: Collection) -> str:
    lines = [f"{found.path}  ({found.path.stat().st_size / 1024:.0f} KiB, {found.files} files)"]
    if found.missing:
        lines.append(f"Missing ({len(found.missing)}; MISSING.txt in the archive lists all):")
        reasons = Counter(piece.problem.partition("\n")[0] for piece in found.missing)
        lines += [f"  {count} times: {reason}" for reason, count in reasons.most_common(_SHOWN)]
    lines.append(
        "It is meant to be attached to a report. Passwords, tokens, cookies, private keys and the values of "
        "Kubernetes' Secrets are replaced by ***."
    )
    if not found.all_known:
        lines.append(
            "The lab could not be asked for all its secrets, so only those that look like one were found: "
            "have a look before you give it away."
        )
    return "\n".join(lines)
