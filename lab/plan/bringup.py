"""The commands that change a lab: up, provision and reset, each a list of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.config import Settings
from lab.errors import HostError
from lab.files import replace_file
from lab.plan import guest
from lab.plan.clock import set_clock
from lab.plan.engine import Engine
from lab.plan.journal import Journal
from lab.plan.lockfile import record_versions
from lab.plan.login import log_in
from lab.plan.purge import TASKS as PURGE_TASKS
from lab.plan.purge import purge
from lab.plan.selection import Selection
from lab.plan.step import Step
from lab.plan.wake import ROUSE_TASKS, rouse
from lab.probes.apiserver import KUBERNETES_PORT
from lab.probes.drift import FILE as LOCK_FILE
from lab.record import read_record
from lab.report.events import Notice
from lab.report.tasks import Task, Tasks
from lab.transport.base import Transport
from lab.vm.states import NOT_CREATED, RUNNING


class VirtualMachine(Protocol):
    """What is asked of a machine; `lab.vm.machine.Machine` is one."""

    def state(self) -> str:
        """Return its state, such as ``running``."""
        ...

    def up(self, on_line: Callable[[str], None] | None = None) -> None:
        """Create it if it is not there, and start it."""
        ...


@dataclass(frozen=True)
class Doors:
    """The ways out of this process, so that tests can stand in their place.

    Attributes:
        machine: The lab's virtual machine.
        connect: Logs in to it.
        preflight: Looks at the host before a machine in the state given is made or started; tells its
            second argument what is worth knowing, and raises if it makes no sense to go on.
        verify_bundle: Raises if the bundle is not whole; calls its argument with each file it reads.
        verify_box: Raises if the box that somebody packed is not whole.
    """

    machine: VirtualMachine
    connect: Callable[[], Transport]
    preflight: Callable[[str, Callable[[str], None]], None]
    verify_bundle: Callable[[Callable[[str], None]], None]
    verify_box: Callable[[], None]


class Bringup:
    """Carries a command out on one lab, whose lock the caller holds."""

    def __init__(
        self, settings: Settings, selection: Selection, doors: Doors, tasks: Callable[[str, int], Tasks]
    ) -> None:
        """Prepare, without doing anything yet.

        Args:
            settings: The lab.
            selection: The steps to carry out.
            doors: The ways out.
            tasks: Makes the tasks of a command from what is typed for it, and their number.
        """
        self._settings = settings
        self._selection = selection
        self._doors = doors
        self._make_tasks = tasks
        self._state_dir = settings.make_state_dir()

    def up(self) -> Tasks:
        """Bring the lab up: machine, sequence, and what the host needs to use it."""
        state = self._doors.machine.state()
        baked = self._made_from_box(state)
        # What is in such a box has to start, as after a halt.
        asleep = baked or state not in (NOT_CREATED, RUNNING)
        checks = self._checks(state)
        total = len(checks) + 1 + (ROUSE_TASKS if asleep else 0) + self._selection.tasks
        tasks = self._make_tasks("up", total)
        if state == NOT_CREATED and not baked:
            before = [
                *((name, "") for name in checks),
                ("vm", NOT_CREATED),
                ("login", ""),
                ("look", ""),
            ]
            tasks.expect([*before, *_ahead(self._selection.steps)])
        self._check_host(tasks, state)
        self._ensure_machine(tasks, state)
        self._provision(tasks, roused_from=state if asleep else "")
        return tasks

    def provision(self) -> Tasks:
        """Carry out the sequence in a machine that runs."""
        tasks = self._make_tasks("provision", self._selection.tasks)
        self._provision(tasks)
        return tasks

    def reset(self, *, again: bool) -> Tasks:
        """Take the lab back by the purge path, and prove that nothing is left.

        Args:
            again: Whether to carry the sequence out afterwards.
        """
        # One login serves both.
        state = self._doors.machine.state()
        total = 4 + (len(self._checks(state)) + self._selection.tasks - 1 if again else 0)
        tasks = self._make_tasks("reset --again" if again else "reset", total)
        if again:
            self._check_host(tasks, state)
        self._ensure_machine(tasks, state)
        with closing(self._log_in(tasks)) as transport:
            # A run that ended before its purge was whole must not show as done what is gone.
            journal = self._journal(tasks)
            journal.clear()
            for name in ("kubeconfig", "credentials", LOCK_FILE):
                (self._state_dir / name).unlink(missing_ok=True)
            tasks.expect([*PURGE_TASKS, *([("look", ""), *_ahead(self._selection.steps)] if again else [])])
            purge(transport, tasks, self._state_dir / "logs")
            if again:
                self._sequence(tasks, transport, journal)
        return tasks

    def _made_from_box(self, state: str) -> bool:
        """Whether the machine is going to be made from what `lab bake` has packed."""
        return state == NOT_CREATED and self._settings.box is not None

    def _checks(self, state: str) -> tuple[str, ...]:
        """Return the tasks before the machine is touched."""
        bundle = ("bundle",) if self._settings.edition.source == "bundle" else ()
        box = ("box",) if self._made_from_box(state) else ()
        return ("host", *bundle, *box)

    def _check_host(self, tasks: Tasks, state: str) -> None:
        with tasks.task("host", "Check this computer") as task:
            # A lab that runs may well be ready already, and then needs nothing.
            if state == RUNNING:
                task.outcome = "satisfied"
            else:
                task.waiting("answers of the programs and services that the lab needs")
                self._doors.preflight(state, lambda text: tasks.emit(Notice(text)))
        if self._settings.edition.source == "bundle":
            with tasks.task("bundle", "Verify the bundle") as task:
                self._doors.verify_bundle(lambda name: task.waiting(f"the sum of {name}"))
        if self._made_from_box(state):
            with tasks.task("box", "Verify the box") as task:
                task.waiting("the sum of its image")
                self._doors.verify_box()

    def _ensure_machine(self, tasks: Tasks, state: str) -> None:
        with tasks.task("vm", "Start the virtual machine") as task:
            # What a machine was made from stays so, whatever is chosen later.
            made_from = (
                self._settings.box if state == NOT_CREATED else read_record(self._state_dir).get("box")
            )
            self._settings.remember(box=made_from)
            # To make a machine takes longer than to start one.
            task.fingerprint = state
            if state == RUNNING:
                task.outcome = "satisfied"
                return
            self._doors.machine.up(on_line=lambda line: _tell_vagrant(task, line))

    def _log_in(self, tasks: Tasks) -> Transport:
        return log_in(tasks, self._doors.connect, self._settings)

    def _provision(self, tasks: Tasks, *, roused_from: str = "") -> None:
        """Carry out the sequence, in a machine in which all has to start first if it was not running."""
        with closing(self._log_in(tasks)) as transport:
            if roused_from:
                # Whatever stays broken is found, and told, by the step that it belongs to.
                rouse(transport, tasks, roused_from)
            elif news := set_clock(transport).news:
                tasks.emit(Notice(news))
            self._sequence(tasks, transport, self._journal(tasks))

    def _sequence(self, tasks: Tasks, transport: Transport, journal: Journal) -> None:
        engine = Engine(
            transport,
            journal,
            tasks,
            self._state_dir / "logs",
            machine_state=self._doors.machine.state,
        )
        with tasks.task("look", "See what is already there"):
            found = engine.look(self._selection.steps)
        missing = [step for step in self._selection.steps if not found.get(step.name)]
        tasks.expect(_ahead(missing))
        engine.run(self._selection.steps, found)
        if not self._selection.to_the_end:
            return
        with tasks.task("fetch", "Fetch kubeconfig and credentials") as task:
            fetch_access(transport, self._settings)
            # It says what the run that installed the lab has got, not what the lab has become since.
            if missing or not (self._state_dir / LOCK_FILE).exists():
                record_versions(transport, self._settings, task, tasks.emit)

    def _journal(self, tasks: Tasks) -> Journal:
        return Journal(self._state_dir / "journal.json", notice=lambda text: tasks.emit(Notice(text)))


def _ahead(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Return name and fingerprint of the tasks that steps make, and of those after the last of them."""
    return [*((step.name, step.fingerprint) for step in steps), ("fetch", "")]


def fetch_access(transport: Transport, settings: Settings) -> Path:
    """Copy what is needed to use the lab from the guest, readable by the user alone.

    Returns:
        The kubeconfig's path on the host.
    """
    port = settings.ports.kubernetes or KUBERNETES_PORT
    kubeconfig = settings.state_dir / "kubeconfig"
    try:
        text = transport.read_text(guest.KUBECONFIG)
    except FileNotFoundError:
        raise HostError(
            "There is no kubeconfig in the VM yet.",
            code="LAB-HOST-021",
            hint="It comes with the sequence: python -m lab up",
        ) from None
    # In the guest it names an address that the host cannot reach.
    replace_file(kubeconfig, re.sub(r"(server: https://)\S+", rf"\g<1>127.0.0.1:{port}", text))
    try:
        replace_file(settings.state_dir / "credentials", transport.read_text(guest.CREDENTIALS))
    except FileNotFoundError:
        # Made by a late step; a kubeconfig is of use before it.
        (settings.state_dir / "credentials").unlink(missing_ok=True)
    return kubeconfig


def _tell_vagrant(task: Task, line: str) -> None:
    text = line.strip().removeprefix("==>").strip()
    if text:
        task.waiting(text)
