"""The engine: carries out steps in the guest, one by one, until each is satisfied."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.errors import LAYER_ERRORS, LabError, VMError
from lab.plan import guest
from lab.plan.journal import Journal
from lab.plan.script import Script, stop_leftovers
from lab.plan.step import Step
from lab.report.events import Notice
from lab.report.logs import log_path
from lab.report.tasks import Task, Tasks
from lab.transport.base import CommandTimeout, Transport, TransportError
from lab.vm.states import STOPPED

TRY_AGAIN = 75
"""``EX_TEMPFAIL``: what a script exits with when the same may well work in a moment."""

CHECK_SECONDS = 120.0
LOOK_SECONDS = 300.0
RECONNECT_SECONDS = 300.0
FIRST_DELAY = 5.0
LONGEST_DELAY = 60.0
MAX_LOSSES = 3
"""How often the connection may be lost in one step."""


class _MayPass(Exception):  # noqa: N818 - no failure yet
    """A script asked for another try."""

    def __init__(self, reason: str, script: Script) -> None:
        super().__init__(reason)
        self.reason = reason.rstrip(".")
        self.script = script


class Engine:
    """Carries out steps over one connection.

    Args:
        transport: The connection.
        journal: Remembers what became of each step.
        tasks: Is told of the steps.
        log_dir: Where the steps' logs are.
        machine_state: Says the state of the machine, such as ``running``.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        tasks: Tasks,
        log_dir: Path,
        *,
        machine_state: Callable[[], str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._tasks = tasks
        self._log_dir = log_dir
        self._machine_state = machine_state
        self._sleep = sleep

    def look(self, steps: Sequence[Step]) -> dict[str, bool]:
        """Check the steps, in one go, up to the first that is not satisfied.

        Returns:
            Whether each step that was looked at is satisfied. A step whose check
            could not be made is left out.
        """
        command = guest.look([step.name for step in steps])
        try:
            return guest.checked(self._transport.run(command, timeout=LOOK_SECONDS).stdout)
        except CommandTimeout:
            return {}
        except TransportError:
            self._tasks.emit(Notice("The connection to the VM was lost in the look; it is made again."))
            self._reconnect()
            return {}

    def run(self, steps: Sequence[Step], found: dict[str, bool]) -> None:
        """Carry out all steps.

        Args:
            steps: The steps, in their order.
            found: What `look` found; a step not in it is checked when its turn comes.

        Raises:
            LabError: A step failed; the class is that of the step's layer.
        """
        for step in steps:
            if found.get(step.name):
                self._journal.satisfied(step.name, step.fingerprint)
                self._tasks.satisfied(step.name, step.title, step.fingerprint)
                continue
            with self._tasks.task(step.name, step.title, step.fingerprint) as task:
                self._carry_out(step, task, checked=step.name in found)

    def _carry_out(self, step: Step, task: Task, *, checked: bool) -> None:
        task.partial = self._journal.was_begun(step.name)
        self._journal.start(step.name, step.fingerprint)
        started = self._tasks.clock()
        state = "failed"
        try:
            state = task.outcome = self._until_satisfied(step, task, checked=checked)
        except KeyboardInterrupt:
            # The transport has ended what ran in the guest.
            state = "interrupted"
            raise
        finally:
            seconds = self._tasks.clock() - started
            self._journal.end(step.name, state, seconds=seconds, attempts=task.attempts)

    def _until_satisfied(self, step: Step, task: Task, *, checked: bool) -> str:
        """Check and apply until the step is satisfied, and say how it came to be."""
        retries = losses = 0
        task.attempts = 0
        while True:
            try:
                if not checked and self._check(step, task):
                    return "done" if task.attempts else "satisfied"
                checked = False
                task.attempts += 1
                self._apply(step, task, attempt=retries + 1)
                if step.new_session:
                    self._reconnect(task)
                return "done"
            except _MayPass as again:
                retries += 1
                if retries > step.retries:
                    times = "once" if retries == 1 else f"{retries} times"
                    again.script.error = f"{again.reason} (tried {times})"
                    raise self._error(step, "", "LAB-STEP-005", again.script) from None
                delay = min(FIRST_DELAY * 2 ** (retries - 1), LONGEST_DELAY)
                task.waiting(f"try {retries + 1} of {step.retries + 1} in {delay:.0f} s: {again.reason}")
                self._sleep(delay)
            except TransportError:
                losses += 1
                if losses > MAX_LOSSES:
                    raise
                self._tasks.emit(
                    Notice(f"The connection to the VM was lost in '{step.title}'; it is made again.")
                )
                self._reconnect(task)
                stop_leftovers(self._transport, self._tasks.emit)

    def _check(self, step: Step, task: Task) -> bool:
        script = self._act(step, task, "check", CHECK_SECONDS)
        if script.returncode not in (0, 1):
            message = f"Its check ended with exit code {script.returncode}"
            raise self._error(step, message, "LAB-STEP-004", script)
        return script.returncode == 0

    def _apply(self, step: Step, task: Task, *, attempt: int) -> None:
        deadline = self._tasks.clock() + step.timeout
        for action, failure in (("apply", "LAB-STEP-001"), ("ready", "LAB-STEP-002")):
            left = max(deadline - self._tasks.clock(), 1.0)
            script = self._act(step, task, action, left, attempt)
            message = f"Its {action} ended with exit code {script.returncode}"
            if script.returncode == TRY_AGAIN:
                raise _MayPass(script.error or message, script)
            if script.returncode != 0:
                raise self._error(step, message, failure, script)

    def _act(self, step: Step, task: Task, action: str, timeout: float, attempt: int = 1) -> Script:
        script = Script(step.name, task, self._tasks.emit)
        try:
            script.run(self._transport, action, timeout=timeout, attempt=attempt, attempts=step.retries + 1)
        except CommandTimeout:
            what = f" It was waiting for: {script.waited_for}" if script.waited_for else ""
            script.error = ""
            message = f"Its {action} did not end within {timeout:.0f} s.{what}"
            raise self._error(step, message, "LAB-STEP-003", script) from None
        return script

    def _reconnect(self, task: Task | None = None) -> None:
        """Log in again; the guest may be starting anew."""
        deadline = self._tasks.clock() + RECONNECT_SECONDS
        delay = 1.0
        while True:
            if task:
                task.waiting("a new connection to the VM")
            try:
                self._transport.reconnect()
                return
            except TransportError as error:
                self._see_that_it_runs(error)
                if self._tasks.clock() + delay > deadline:
                    raise
                self._sleep(delay)
                delay = min(delay * 2, 15.0)

    def _see_that_it_runs(self, silence: TransportError) -> None:
        """Wait no longer for a machine that has stopped."""
        state = ""
        # If nobody can say how it is, it may still come back.
        with contextlib.suppress(LabError):
            state = self._machine_state()
        if state in STOPPED:
            raise VMError(
                f"The virtual machine does not run any more (its state is '{state}').",
                code="LAB-VM-210",
                hint="Is this computer out of memory, or has somebody stopped it? Go on: python -m lab up",
            ) from silence

    def _error(self, step: Step, message: str, code: str, script: Script) -> LabError:
        """Make the error of the step's layer, in the script's own words if it had some."""
        return LAYER_ERRORS[step.layer](
            f"Step '{step.name}' failed. {(script.error or message).rstrip('.')}.",
            code=code,
            hint=script.advice("Read the log, mend the cause, and go on: python -m lab up"),
            log=log_path(self._log_dir, step.name),
        )
