"""The engine: carries out steps in the guest, one by one, until each is satisfied."""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.errors import LAYER_ERRORS, LabError
from lab.plan import guest
from lab.plan.journal import Journal
from lab.plan.step import Step
from lab.report.events import AttemptStarted, Notice, Output
from lab.report.logs import log_path
from lab.report.tasks import Task, Tasks
from lab.transport.base import CommandTimeout, Transport, TransportError

TRY_AGAIN = 75
"""``EX_TEMPFAIL``: what a script exits with when the same may well work in a moment."""

CHECK_SECONDS = 120.0
LOOK_SECONDS = 300.0
STOP_SECONDS = 30.0
RECONNECT_SECONDS = 300.0
MAX_LOSSES = 3
"""How often the connection may be lost in one step."""

TAIL_LINES = 10
_PROGRESS = re.compile(r"::progress (\d+)/(\d+) ?(.*)")
_CHECKED = re.compile(r"::checked (\S+) (\d+)")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")


class _MayPass(Exception):  # noqa: N818 - no failure yet
    """A script asked for another try."""


class Script:
    """One run of a script: reads what it writes, and keeps what is needed if it fails."""

    def __init__(self, task: Task, emit: Callable[[Output], None]) -> None:
        self._task = task
        self._emit = emit
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.error = ""
        self.hint = ""
        self.waited_for = ""

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that were no messages to the engine."""
        return tuple(self._tail)

    def line(self, line: str) -> None:
        """Take one line of output."""
        # A program that redraws its line separates the states by carriage returns.
        text = _ESCAPES.sub("", line.rstrip().rpartition("\r")[2])
        keyword, _, rest = text.partition(" ")
        if match := _PROGRESS.fullmatch(text):
            self.waited_for = match[3]
            self._task.progress(int(match[1]), int(match[2]), match[3])
            return
        if keyword in ("::waiting", "::progress"):
            self.waited_for = rest
            self._task.waiting(rest)
            return
        if keyword == "::error":
            self.error = rest
        elif keyword == "::hint":
            self.hint = rest
        elif text:
            self._tail.append(text)
        self._emit(Output(self._task.name, text))


class Engine:
    """Carries out steps over one connection."""

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        tasks: Tasks,
        log_dir: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._tasks = tasks
        self._log_dir = log_dir
        self._sleep = sleep

    def stop_leftovers(self) -> None:
        """End what an interrupted run may have left running in the guest."""
        if "stopped" in self._transport.run(guest.stop_leftovers(), timeout=STOP_SECONDS).stdout:
            self._tasks.emit(
                Notice("Something from an interrupted run was still at work in the VM; it was ended.")
            )

    def look(self, steps: Sequence[Step]) -> dict[str, bool]:
        """Check the steps in order, in one go, up to the first that is not satisfied.

        Returns:
            Whether each step that was looked at is satisfied. A step whose check
            could not be made is left out.
        """
        command = guest.check_in_order([step.name for step in steps])
        found: dict[str, bool] = {}
        try:
            output = self._transport.run(command, timeout=LOOK_SECONDS).stdout
        except CommandTimeout:
            return found
        for match in _CHECKED.finditer(output):
            if match[2] in ("0", "1"):
                found[match[1]] = match[2] == "0"
        return found

    def run(self, steps: Sequence[Step], found: dict[str, bool]) -> None:
        """Carry out all steps.

        Args:
            steps: The steps, in their order.
            found: What `look` found; a step not in it is checked when its turn comes.

        Raises:
            LabError: A step failed; the class is that of the step's layer.
        """
        for step in steps:
            with self._tasks.task(step.name, step.title) as task:
                if found.get(step.name):
                    task.outcome = "satisfied"
                    self._journal.satisfied(step.name, step.fingerprint)
                    continue
                self._carry_out(step, task, checked=step.name in found)

    def _carry_out(self, step: Step, task: Task, *, checked: bool) -> None:
        self._journal.start(step.name, step.fingerprint)
        started = self._tasks.clock()
        state = "failed"
        try:
            state = task.outcome = self._until_satisfied(step, task, checked=checked)
        except KeyboardInterrupt:
            state = "interrupted"
            # The connection's end does not end what runs in the guest.
            with contextlib.suppress(LabError):
                self._transport.run(guest.stop_leftovers(), timeout=STOP_SECONDS)
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
                    raise self._error(step, f"{again} (tried {times})", "LAB-STEP-005") from None
                delay = min(5.0 * 2 ** (retries - 1), 60.0)
                task.waiting(f"another try ({retries + 1} of {step.retries + 1}) in {delay:.0f} s: {again}")
                self._sleep(delay)
            except TransportError as error:
                losses += 1
                if losses > MAX_LOSSES:
                    raise
                self._tasks.emit(Notice(f"The connection to the VM was lost: {error.message}"))
                self._reconnect(task)
                self.stop_leftovers()

    def _check(self, step: Step, task: Task) -> bool:
        code, script = self._act(step, task, "check", CHECK_SECONDS)
        if code in (0, 1):
            return code == 0
        raise self._error(step, f"Its check ended with exit code {code}", "LAB-STEP-004", script, task)

    def _apply(self, step: Step, task: Task, *, attempt: int) -> None:
        deadline = self._tasks.clock() + step.timeout
        for action, failure in (("apply", "LAB-STEP-001"), ("ready", "LAB-STEP-002")):
            left = deadline - self._tasks.clock()
            code, script = self._act(step, task, action, max(left, 1.0), attempt)
            if code == TRY_AGAIN:
                task.tail = script.tail
                raise _MayPass(script.error.rstrip(".") or f"its {action} ended with exit code {code}")
            if code != 0:
                raise self._error(step, f"Its {action} ended with exit code {code}", failure, script, task)

    def _act(
        self, step: Step, task: Task, action: str, timeout: float, attempt: int = 1
    ) -> tuple[int, Script]:
        script = Script(task, self._tasks.emit)
        self._tasks.emit(AttemptStarted(step.name, action, attempt, step.retries + 1))
        command = guest.script(step.name, action)
        if action != "check":
            command = guest.stoppable(command)
        try:
            result = self._transport.run(command, timeout=timeout, on_line=script.line)
        except CommandTimeout:
            what = f" It was waiting for: {script.waited_for}." if script.waited_for else ""
            script.error = ""
            message = f"Its {action} did not end within {timeout:.0f} s.{what}"
            raise self._error(step, message, "LAB-STEP-003", script, task) from None
        return result.returncode, script

    def _reconnect(self, task: Task) -> None:
        """Log in again; the guest may be starting anew."""
        deadline = self._tasks.clock() + RECONNECT_SECONDS
        delay = 1.0
        while True:
            task.waiting("a new connection to the VM")
            try:
                self._transport.reconnect()
                return
            except TransportError:
                if self._tasks.clock() + delay > deadline:
                    raise
                self._sleep(delay)
                delay = min(delay * 2, 15.0)

    def _error(
        self,
        step: Step,
        message: str,
        code: str,
        script: Script | None = None,
        task: Task | None = None,
    ) -> LabError:
        """Make the error of the step's layer, in the script's own words if it had some."""
        hint = ""
        if script:
            message = script.error or message
            hint = script.hint
        if script and task:
            task.tail = script.tail
        return LAYER_ERRORS[step.layer](
            f"Step '{step.name}' failed. {message.rstrip('.')}.",
            code=code,
            hint=hint or "Read the log, mend the cause, and go on: python -m lab up",
            log=log_path(self._log_dir, step.name),
        )
