"""What a lab needs after its machine slept, was restarted or was put back: clock, mending, and proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LAYER_ERRORS, LabError, VMError
from lab.plan.clock import Clock, set_clock
from lab.plan.script import Script
from lab.probes.model import Status
from lab.report.events import Event, Notice, Output
from lab.report.logs import log_path
from lab.report.tasks import Task, Tasks
from lab.transport.base import CommandTimeout, Transport

NAME = "heal"
HEAL_SECONDS = 2700.0
"""More than the script allows itself."""

ROUSE_TASKS = 2
WAKE_TASKS = ROUSE_TASKS + 1
_DID = "::did "


@dataclass(frozen=True)
class Found:
    """How a lab was found after it was woken.

    Attributes:
        clock: How its clock stood.
        actions: What was done to mend it.
        status: Every layer, afterwards.
    """

    clock: Clock
    actions: tuple[str, ...]
    status: Status

    @property
    def sentence(self) -> str:
        """What is to be said of it, without the time that it took."""
        counted = f"{self.clock}, {count_applications(self.status)}"
        if self.status.ready:
            return f"ready: {counted}"
        trouble = self.status.trouble.partition("\n")[0]
        return f"not ready ({trouble}): {counted}"


def count_applications(status: Status) -> str:
    """Return how many applications are active, of those that the edition has."""
    required = [item for item in status.layer("applications").items if item.required]
    active = sum(1 for item in required if item.ready)
    return f"{active}/{len(required)} applications" if required else "applications not known"


def wake(
    transport: Transport,
    tasks: Tasks,
    log_dir: Path,
    look: Callable[[Transport], Status],
    *,
    before: str,
    expect_ready: bool,
) -> Found:
    """Set the clock, mend what is stuck, and look at every layer: three tasks.

    Args:
        transport: The way into the guest, in which the scripts are of this version.
        tasks: The command's tasks.
        log_dir: Where the logs are.
        look: Finds out the state of every layer.
        before: As for `rouse`.
        expect_ready: Whether a lab that is not ready afterwards is an error.

    Raises:
        LabError: The lab did not get ready; the class is that of the lowest layer that is not.
    """
    clock, actions, problem = rouse(transport, tasks, before)
    with tasks.task("verify", "Look at every layer"):
        status = look(transport)
        if expect_ready and (problem or not status.ready):
            raise _not_ready(status, problem, log_path(log_dir, NAME))
    return Found(clock, actions, status)


def rouse(transport: Transport, tasks: Tasks, before: str) -> tuple[Clock, tuple[str, ...], str]:
    """Set the clock and mend what is stuck: two tasks.

    Args:
        transport: The way into the guest.
        tasks: The command's tasks.
        before: The state that the machine was in before the command. What it was decides how long the
            second task takes: after a boot everything in the guest has to start.

    Returns:
        How the clock stood, what was done to mend the lab, and why that did not suffice, if it did not.
    """
    with tasks.task("clock", "Set the clock") as task:
        clock = set_clock(transport)
        if clock.news:
            tasks.emit(Notice(clock.news))
        else:
            task.outcome = "satisfied"
    with tasks.task(NAME, "Mend what is stuck", before) as task:
        actions, problem = _heal(transport, tasks, task)
    return clock, actions, problem


def _heal(transport: Transport, tasks: Tasks, task: Task) -> tuple[tuple[str, ...], str]:
    """Run the script, and return what it did and why it gave up, if it did."""
    actions: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Output) and event.line.startswith(_DID):
            actions.append(event.line.removeprefix(_DID))
            tasks.emit(Notice(f"Mended: {actions[-1]}"))
        tasks.emit(event)

    script = Script(NAME, task, hear)
    try:
        script.run(transport, "apply", timeout=HEAL_SECONDS)
    except CommandTimeout:
        script.error = (
            f"The mending did not end within {HEAL_SECONDS:.0f} s; it was waiting for {script.waited_for}."
        )
    if script.returncode == 0:
        # What gets right by itself is waited for, and that may take most of the command's time.
        task.outcome = "done" if actions or script.waited_for else "satisfied"
        return tuple(actions), ""
    # Whether that matters is for the look that follows to say.
    task.outcome = "failed"
    return tuple(actions), script.error or f"The mending ended with exit code {script.returncode}."


def _not_ready(status: Status, problem: str, log: Path) -> LabError:
    by_code = {error.exit_code: error for error in LAYER_ERRORS.values()}
    found = status.trouble or "every layer says that it is ready"
    why = f" {problem}" if problem else ""
    return by_code.get(status.exit_code, VMError)(
        f"The lab did not get ready ({found}).{why}",
        code="LAB-HEAL-001",
        hint="'python -m lab status' shows every layer. A lab that never was whole goes on with "
        "'python -m lab up', and what is only slow with 'python -m lab heal'. If nothing helps, put it back: "
        "python -m lab snapshot list",
        log=log,
    )
