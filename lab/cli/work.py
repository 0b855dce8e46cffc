"""Where a changing command gets what it works with: lock, events, log files, renderer, tasks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from lab.cli.refusal import advice, refusal
from lab.cli.request import Request
from lab.cli.talk import command_line
from lab.errors import BUG, INTERRUPTED, Interrupted, LabError

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.report.events import Ended, Subscriber, Writer
    from lab.report.history import History, Usual
    from lab.report.tasks import Tasks

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Work:
    """A command at work on a lab.

    Attributes:
        settings: The lab.
        emit: Is told of everything; nothing is printed beside it.
        usual: Says how long a task usually takes.
    """

    settings: Settings
    emit: Subscriber
    usual: Usual

    def tasks(self, command: str, total: int) -> Tasks:
        """Announce the work, as a number of tasks.

        Args:
            command: The command as it is typed, which goes on after an interruption.
            total: The number of tasks.
        """
        from lab.report.tasks import Tasks

        return Tasks(
            self.emit,
            title=f"{command}: lab '{self.settings.name}', {self.settings.edition.title}",
            banner=self.settings.banner,
            total=total,
            again=command_line(self.settings, command),
            usual=self.usual,
        )

    def say(self, text: str) -> None:
        """Tell what came of the work; it is printed after the times."""
        _say(self.emit, text)


@contextmanager
def at_work(
    request: Request, settings: Settings, command: str, *, stream: TextIO | None = None
) -> Iterator[Work]:
    """Hold the lab's lock while a command changes it, and tell of all that happens.

    Args:
        request: The options.
        settings: The lab.
        command: What it is, told to others who want the lock.
        stream: Where people read it, if not on standard output.

    Raises:
        UsageError: The file for the events cannot be written.
        HostError: Another command is at work on the lab.
    """
    from lab.plan.lock import lab_lock
    from lab.report.logs import LogWriter

    logs = LogWriter(settings.state_dir / "logs")
    history = open_history(settings)
    with (
        _telling(request, settings, command, logs, history, stream=stream) as emit,
        lab_lock(settings.make_state_dir(), command),
    ):
        yield Work(settings, emit, history.usual)


@contextmanager
def at_look(request: Request, settings: Settings, command: str) -> Iterator[Work]:
    """Tell of what a long command does that only looks, so that it needs no lock and writes no logs.

    Args:
        request: The options.
        settings: The lab.
        command: What it is.
    """
    with _telling(request, settings, command) as emit:
        yield Work(settings, emit, open_history(settings).usual)


def absent(request: Request, settings: Settings, command: str, state: str) -> bool:
    """Tell so if the machine's state says that there is none, and so nothing to do."""
    if state != "not_created":
        return False
    with _telling(request, settings, command) as emit:
        _say(emit, f"The lab '{settings.name}' has no VM, so there is nothing to do.")
    return True


def events_option(function: _Function) -> _Function:
    """Add ``--events`` to a command that works under `at_work`."""
    return click.option(
        "--events",
        metavar="FILE",
        envvar="LAB_EVENTS",
        expose_value=False,
        callback=_remember,
        help="Append what happens to a file, as JSON lines; '-' is standard output.",
    )(function)


def _remember(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.ensure_object(Request).events = value


def open_history(settings: Settings) -> History:
    """Return the times that tasks took in labs like this one."""
    from lab.report.history import Circumstances, History, history_file
    from lab.vm import accelerator

    carrier = accelerator.name(settings.provider)
    return History(history_file(), Circumstances(settings.edition.name, carrier, settings.cpus))


def _say(emit: Subscriber, text: str) -> None:
    from lab.report.events import Result

    emit(Result(text))


@contextmanager
def _telling(
    request: Request,
    settings: Settings,
    command: str,
    *writers: Writer,
    stream: TextIO | None = None,
) -> Iterator[Subscriber]:
    from lab.report.events import Bus
    from lab.report.ndjson import Envelope, open_events
    from lab.report.terminal import make_renderer

    envelope = Envelope(settings.name, settings.edition.name, command)
    # Two kinds of reader cannot share a stream.
    people = stream or (sys.stderr if request.events == "-" else sys.stdout)
    with open_events(request.events, envelope) as events, make_renderer(people) as renderer:
        bus = Bus(renderer, writers=[*writers, *events])
        started = time.monotonic()
        try:
            yield bus
        except BaseException as error:
            bus(_failure(error, time.monotonic() - started, request.overrides.get("name")))
            raise
        bus(_success(time.monotonic() - started))


def _success(seconds: float) -> Ended:
    from lab.report.events import Ended

    return Ended("done", round(seconds, 1), 0)


def _failure(error: BaseException, seconds: float, name: object) -> Ended:
    from lab.report.events import Ended

    seconds = round(seconds, 1)
    told = refusal(error) if isinstance(error, OSError) else error
    if isinstance(told, LabError):
        outcome = "interrupted" if told.exit_code == Interrupted.exit_code else "failed"
        log = "" if told.log is None else str(told.log)
        return Ended(outcome, seconds, told.exit_code, told.code, told.message, advice(told, name), log)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Ended("interrupted", seconds, Interrupted.exit_code, INTERRUPTED, "Interrupted.")
    return Ended("failed", seconds, LabError.exit_code, BUG, f"{type(error).__name__}: {error}")
