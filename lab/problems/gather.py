"""Gathers the problems of a lab: from its logs, and from its VM if that answers."""

from __future__ import annotations

from lab.config import Settings
from lab.errors import LabError
from lab.probes.status import collect
from lab.problems.guest import juju_group, pods_group, status_group
from lab.problems.logs import read_logs
from lab.problems.model import Group, Problems
from lab.transport.base import Transport
from lab.vm.states import RUNNING


def gather(settings: Settings, transport: Transport | None, unseen: str = "") -> Problems:
    """Return what is wrong with a lab; the newest comes last, so what is wrong now ends it.

    Args:
        settings: The lab.
        transport: The way into its VM; ``None`` if there is none.
        unseen: Why there is none.
    """
    groups, logs = read_logs(settings.state_dir)
    if transport is not None:
        try:
            groups += _ask(settings, transport)
        except LabError as error:
            unseen = error.message
    return Problems(settings.name, settings.banner, tuple(groups), logs, unseen)


def _ask(settings: Settings, transport: Transport) -> list[Group]:
    status = collect(transport, RUNNING, settings)
    provision = settings.provision_env
    model = f"{provision.get('LAB_CONTROLLER', '')}:{provision.get('LAB_MODEL', '')}"
    found = [juju_group(transport, status, model), pods_group(transport), status_group(status)]
    return [group for group in found if group is not None]
