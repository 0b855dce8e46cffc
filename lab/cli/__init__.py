"""The command line: parses, calls, prints.

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from lab.cli import acceptance, bake, browse, change, checkpoint, collect, doctor, enter, logs, look
from lab.cli.refusal import advice, refusal
from lab.cli.request import Request, common_options
from lab.cli.talk import named
from lab.errors import BUG, LabError
from lab.paths import shown

_EPILOG = """
\b
Examples:
  python -m lab --edition rehearsal up   a lab that needs no store
  python -m lab status                   how it is, layer by layer
  python -m lab reset --again            take it back and do it once more
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def cli() -> None:
    """Bring up a disposable Kubeflow lab in a Debian VM, look at it, and take it back.

    Exit codes: 0 ok, 2 usage, 10 host, 20 VM, 30 network or store, 40 MicroK8s, 50 Juju,
    60 Kubeflow, 70 acceptance, 130 interrupted.
    """


for _command in (
    doctor.doctor,
    change.up,
    change.provision,
    look.plan,
    look.status,
    enter.ssh,
    enter.exec_,
    logs.logs,
    collect.collect,
    change.reset,
    change.halt,
    change.down,
    checkpoint.snapshot,
    checkpoint.suspend,
    checkpoint.resume,
    checkpoint.heal,
    bake.bake,
    enter.kubeconfig,
    browse.open_,
    acceptance.test,
    look.version,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None, *, program: str = "lab") -> NoReturn:
    """Run the command line and exit with its code."""
    # What a lab writes is for its owner alone.
    os.umask(0o077)
    # A job that is cancelled deserves the same clean end as Ctrl-C.
    interrupt = _Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    request = Request()
    try:
        result = cli.main(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name=program,
            obj=request,
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted.", bold=True)
        sys.exit(130)
    except LabError as error:
        _show(error, request)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has had enough; nobody is left to tell.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if told := refusal(error):
            _show(told, request)
            sys.exit(told.exit_code)
        if request.debug:
            raise
        _say(f"{BUG}: {type(error).__name__}: {error}", bold=True)
        _say("This is a mistake in the lab itself. The same command with --debug shows where.")
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


class _Interrupt:
    """Ends the command at the first signal, and lets the second wait until that has been done properly."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 2:
            # Not through sys.stderr, which may be in the middle of a line itself.
            os.write(2, b"What was begun is being ended; once more leaves it as it is.\n")
            return
        raise KeyboardInterrupt


def _show(error: LabError, request: Request) -> None:
    if request.debug:
        traceback.print_exception(error)
    _say(f"{error.code}: {error.message}", bold=True)
    name = request.overrides.get("name")
    if hint := advice(error, name):
        _say("What to do: " + hint.replace("\n", "\n  "))
    if error.log is not None:
        _say(f"Log: {shown(error.log)}")
        _say(named(f"More: python -m lab logs --problems; docs/errors.md tells about {error.code}", name))


def _say(text: str, *, bold: bool = False) -> None:
    click.secho(text, err=True, fg="red" if bold else None, bold=bold or None)
