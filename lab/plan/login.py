"""The login with which every command that works in the guest begins."""

from __future__ import annotations

import os
from collections.abc import Callable

from lab.config import Settings, render_env
from lab.network.discover import HostNetwork, discover
from lab.network.guest import GuestNetwork, decide
from lab.plan import guest
from lab.plan.delivery import deliver
from lab.plan.script import stop_leftovers
from lab.report.events import Notice
from lab.report.tasks import Tasks
from lab.transport.base import Transport


def guest_network(settings: Settings) -> GuestNetwork:
    """Return what the guest is told of the network.

    Raises:
        UsageError: A file that the settings name cannot be used.
    """
    # An edition with a bundle needs nothing from outside, unless somebody says so.
    if settings.edition.source == "bundle":
        return decide(settings.network, HostNetwork())
    return decide(settings.network, discover(os.environ, release=settings.edition.expect.debian))


def log_in(tasks: Tasks, connect: Callable[[], Transport], settings: Settings) -> Transport:
    """Log in, end what an interrupted run left behind, and bring scripts and settings of this version.

    Args:
        tasks: The command's tasks; this is one.
        connect: Waits until one can log in, and does.
        settings: Which lab it is.
    """
    told = guest_network(settings)
    for remark in told.remarks:
        tasks.emit(Notice(remark))
    with tasks.task("login", "Log in and copy the scripts") as task:
        task.waiting("an answer of the VM")
        transport = connect()
        try:
            stop_leftovers(transport, tasks.emit)
            task.waiting("the scripts to be copied")
            env = render_env({**settings.provision_env, **told.variables})
            files = {guest.ENV_FILE: env, guest.CA_FILE: told.certificates}
            deliver(transport, settings.provision_dir, files)
        except BaseException:
            transport.close()
            raise
    return transport
