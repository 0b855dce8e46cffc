"""The login with which every command that works in the guest begins."""

from __future__ import annotations

from collections.abc import Callable

from lab.config import Settings, render_env
from lab.errors import VMError
from lab.plan import guest
from lab.plan.script import stop_leftovers
from lab.report.tasks import Tasks
from lab.transport.base import Transport

COPY_SECONDS = 60.0


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
            transport.run(guest.fresh_home(), timeout=COPY_SECONDS).check(VMError, code="LAB-VM-010")
            transport.put(settings.provision_dir, guest.PROVISION)
            transport.put_text(render_env(settings.provision_env), guest.ENV_FILE)
        except BaseException:
            transport.close()
            raise
    return transport
