"""Builds recipes two at a time, each in a process of its own.

Processes, not threads: one that is told to stop takes the programs that it runs along, and tidies up.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Literal

from lab.errors import HostError, Interrupted, LabError
from lab.process import Runner
from rehearsal.cache import Cache, Workspace
from rehearsal.recipe import Job, Recipe

STOP_DEADLINE = 30.0
"""Seconds a worker gets to stop its programs and to tidy up."""


@dataclass(frozen=True)
class Event:
    """Something a worker tells."""

    recipe: Recipe
    what: Literal["started", "detail", "waiting", "built", "found"]
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Failure:
    """How a worker failed, as plain data: it crosses a process boundary."""

    message: str
    code: str
    hint: str
    log: str


_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Message = tuple[str, str] | Failure


@dataclass(frozen=True)
class _Worker:
    recipe: Recipe
    process: ForkProcess
    pipe: Connection[None, Message]
    started: float


@dataclass(frozen=True)
class Builder:
    """Builds recipes into a cache."""

    cache: Cache
    logs: Path
    runner: Runner
    tell: Callable[[Event], None]
    tick: Callable[[], None] = lambda: None
    at_once: int = 2

    def missing(self, goal: Recipe) -> list[Recipe]:
        """Return what has to be built for a goal, in an order that works."""
        wanted: dict[str, Recipe] = {}

        def visit(recipe: Recipe) -> None:
            if recipe.name not in wanted and self.cache.find(recipe.name) is None:
                wanted[recipe.name] = recipe
                for need in recipe.needs:
                    visit(need)

        visit(goal)
        return [recipe for recipe in goal.walk() if recipe.name in wanted]

    def build(self, recipes: Sequence[Recipe], *, fresh: bool = False) -> None:
        """Build recipes, each as soon as what it needs is there.

        Raises:
            LabError: one failed; those that were still running have been stopped.
        """
        waiting = list(recipes)
        running: list[_Worker] = []
        try:
            while waiting or running:
                open_names = {recipe.name for recipe in waiting} | {worker.recipe.name for worker in running}
                ready = [r for r in waiting if not any(need.name in open_names for need in r.needs)]
                for recipe in ready[: self.at_once - len(running)]:
                    waiting.remove(recipe)
                    # An interruption now would leave a worker that nobody knows of.
                    with _undisturbed():
                        running.append(self._start(recipe, fresh))
                for pipe in wait([worker.pipe for worker in running], timeout=1.0):
                    worker = next(worker for worker in running if worker.pipe is pipe)
                    if self._listen(worker):
                        running.remove(worker)
                self.tick()
        finally:
            with _undisturbed():
                _stop(running)

    def _start(self, recipe: Recipe, fresh: bool) -> _Worker:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=self._work, args=(recipe, sender, fresh), name=recipe.kind
        )
        self.tell(Event(recipe, "started"))
        process.start()
        sender.close()
        return _Worker(recipe, process, receiver, time.monotonic())

    def _listen(self, worker: _Worker) -> bool:
        """Take one message of a worker; return whether it has ended."""
        try:
            message = worker.pipe.recv()
        except EOFError:
            worker.process.join()
            raise HostError(
                f"{worker.recipe.title}: the process that built it ended without a word "
                f"(exit code {worker.process.exitcode})",
                code="LAB-HOST-204",
                hint="Has the host run out of memory? See: dmesg | tail",
                log=self._log(worker.recipe),
            ) from None
        if isinstance(message, Failure):
            raise HostError(
                f"{worker.recipe.title}: {message.message}",
                code=message.code,
                hint=message.hint,
                log=Path(message.log) if message.log else None,
            )
        what, text = message
        seconds = time.monotonic() - worker.started
        match what:
            case "built" | "found":
                worker.process.join()
                self.tell(Event(worker.recipe, "built" if what == "built" else "found", seconds=seconds))
                return True
            case "waiting":
                self.tell(Event(worker.recipe, "waiting", text, seconds))
            case _:
                self.tell(Event(worker.recipe, "detail", text, seconds))
        return False

    def _log(self, recipe: Recipe) -> Path:
        return self.logs / f"{recipe.kind}.log"

    def _work(self, recipe: Recipe, pipe: Connection[Message, None], fresh: bool) -> None:
        """Build one recipe; runs in the worker process."""
        # Ctrl-C at the terminal is the parent's business: it tells each worker, once.
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.umask(0o022)  # what is built belongs to root in the guest, and others have to read it there
        log = self._log(recipe)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

        def say(what: str, text: str = "") -> None:
            # If the parent was killed: what has been begun is still worth finishing.
            with contextlib.suppress(BrokenPipeError):
                pipe.send((what, text))

        def make(space: Workspace) -> None:
            log.unlink(missing_ok=True)  # that of the last time
            detail = functools.partial(say, "detail")
            recipe.make(Job.of(recipe, space, self.cache, log, self.runner, detail))

        try:
            _, built = self.cache.build(
                recipe.kind,
                recipe.all_inputs,
                make,
                on_wait=lambda: say("waiting", "another process is building it"),
                fresh=fresh,
            )
            say("built" if built else "found")
        except KeyboardInterrupt:
            os._exit(130)
        except LabError as error:
            pipe.send(Failure(error.message, error.code, error.hint, str(error.log or log)))
        except Exception as error:  # the parent shows it; the traceback goes to the log
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exc(file=file)
            hint = "This is a mistake in the recipe; the log has the traceback."
            pipe.send(Failure(f"{type(error).__name__}: {error}", "LAB-HOST-205", hint, str(log)))


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and the like wait until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        if worker.process.is_alive() and worker.process.pid:
            os.kill(worker.process.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_DEADLINE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def interrupted(*_: object) -> None:
    """Raise what a signal handler raises to end the build in an orderly way."""
    hint = "What was finished is kept. Go on: python -m rehearsal build"
    raise Interrupted("the build was interrupted", code="LAB-INT-002", hint=hint)
