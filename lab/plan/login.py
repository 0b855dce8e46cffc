"""The login with which every command that works in the guest begins."""

from __future__ import annotations

from collections.abc import Callable

from lab.config import Settings, render_env
from lab.plan.delivery import deliver
from lab.plan.script import stop_leftovers
from lab.report.tasks import Tasks
from lab.transport.base import Transport


def log_in(tasks: Tasks, connect: Callable[[], Transport], settings: Settings) -> Transport:
    """Log in, end what an interrupted run left behind, and bring the scripts of this version.

    Args:
        tasks: The command's tasks; this is one.
        connect: Waits until one can log in, and does.
        settings: Which lab it is.
    """
    with tasks.task("login", "Log in and copy the scripts") as task:
        task.waiting("an answer of the VM")
        transport = connect()
        try:
            stop_leftovers(transport, tasks.emit)
            task.waiting("the scripts to be copied")
            deliver(transport, settings.provision_dir, render_env(settings.provision_env))
        except BaseException:
            transport.close()
            raise
    return transport
