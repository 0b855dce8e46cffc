"""The purge path: takes the lab back, and proves that nothing is left of it."""

from __future__ import annotations

from pathlib import Path

from lab.errors import VMError
from lab.plan.script import Script
from lab.report.logs import log_path
from lab.report.tasks import Task, Tasks
from lab.transport.base import CommandTimeout, Transport

NAME = "purge"
CHECK_NAME = "purge-check"
TASKS = ((NAME, ""), (CHECK_NAME, ""))
"""Names and fingerprints of the tasks that `purge` consists of."""

APPLY_SECONDS = 1800.0
CHECK_SECONDS = 120.0


def purge(transport: Transport, tasks: Tasks, log_dir: Path) -> None:
    """Remove all that the sequence made in the guest.

    Raises:
        VMError: The purge failed, or something is left.
    """
    with tasks.task(NAME, "Remove everything (the purge path)") as task:
        script = _act(transport, tasks, task, "apply", APPLY_SECONDS, log_dir)
        if script.returncode != 0:
            raise VMError(
                f"The purge failed. {script.error or f'It ended with exit code {script.returncode}.'}",
                code="LAB-RST-001",
                hint=script.advice(
                    "Run it once more: python -m lab reset. What is half removed does no harm."
                ),
                log=log_path(log_dir, NAME),
            )
    with tasks.task(CHECK_NAME, "Prove that nothing is left") as task:
        script = _act(transport, tasks, task, "check", CHECK_SECONDS, log_dir)
        if script.returncode != 0:
            raise VMError(
                "The purge left something behind; the lines above name it."
                if script.returncode == 1
                else f"The proof ended with exit code {script.returncode}.",
                code="LAB-RST-002",
                hint="Run it once more: python -m lab reset. If it stays: python -m lab down",
                log=log_path(log_dir, CHECK_NAME),
            )


def _act(
    transport: Transport, tasks: Tasks, task: Task, action: str, timeout: float, log_dir: Path
) -> Script:
    script = Script(NAME, task, tasks.emit)
    try:
        script.run(transport, action, timeout=timeout)
    except CommandTimeout:
        raise VMError(
            f"The purge's {action} did not end within {timeout:.0f} s.",
            code="LAB-RST-003",
            hint="Run it once more: python -m lab reset",
            log=log_path(log_dir, task.name),
        ) from None
    return script
