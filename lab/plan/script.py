"""Runs one action of a script in the guest, and reads what it says."""

from __future__ import annotations

import re
from collections import deque

from lab.diagnose.known_issues import first
from lab.masking import mask_forms
from lab.plan import guest
from lab.report.events import AttemptStarted, Notice, Output, Subscriber
from lab.report.tasks import Task
from lab.transport.base import Transport

TAIL_LINES = 10
KEPT_LINES = 300
"""How much of what a script wrote is looked through for known issues if it fails."""

STOP_SECONDS = 30.0
_PROGRESS = re.compile(r"::progress (\d+)/(\d+) ?(.*)")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")


class Script:
    """One action of one script: passes on what it says, and keeps what is needed if it fails.

    Attributes:
        returncode: What it exited with; -1 before it did.
        error: What it gave as the reason.
        hint: What it advised.
        waited_for: What it said last that it waits for.
    """

    def __init__(self, name: str, task: Task, emit: Subscriber) -> None:
        """Prepare a run.

        Args:
            name: The script's name.
            task: The task that it is part of, which names its log.
            emit: Is told of what the script writes.
        """
        self._name = name
        self._task = task
        self._emit = emit
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)
        self.returncode = -1
        self.error = ""
        self.hint = ""
        self.waited_for = ""

    def run(
        self, transport: Transport, action: str, *, timeout: float, attempt: int = 1, attempts: int = 1
    ) -> int:
        """Run an action to its end and return the exit code.

        Raises:
            CommandTimeout: It did not end in time.
            TransportError: The connection was lost.
        """
        self._emit(AttemptStarted(self._task.name, action, attempt, attempts))
        command = guest.script(self._name, action)
        if action != "check":
            command = guest.stoppable(command)
        try:
            self.returncode = transport.run(command, timeout=timeout, on_line=self._line).returncode
        finally:
            self._task.tail = tuple(self._tail)
        return self.returncode

    def advice(self, otherwise: str) -> str:
        """Return what to do after it failed: what it advised itself, and what is known of such trouble.

        Args:
            otherwise: What to do if it advised nothing.
        """
        known = first(self.error, self.waited_for, "\n".join(self._kept), kind="step")
        return "\n".join([self.hint or otherwise, *([known.advice] if known else [])])

    def _line(self, line: str) -> None:
        # A program that redraws its line separates the states by carriage returns.
        text = mask_forms(_ESCAPES.sub("", line.rstrip().rpartition("\r")[2]))
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
            self._kept.append(text)
        self._emit(Output(self._task.name, text))


def stop_leftovers(transport: Transport, emit: Subscriber) -> None:
    """End what an interrupted run may have left running in the guest."""
    if "stopped" in transport.run(guest.stop_leftovers(), timeout=STOP_SECONDS).stdout:
        emit(Notice("Something from an interrupted run was still at work in the VM; it was ended."))
