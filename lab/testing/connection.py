"""Finds the lab that the suite runs on, and says in one sentence why it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.config import Settings, find_root, load_settings
from lab.errors import AcceptanceError, LabError
from lab.probes.status import RUNNING, Status, collect
from lab.transport.base import Transport

CONNECT_TIMEOUT = 60.0


class Unusable(AcceptanceError):  # noqa: N818 - the name says it
    """There is no lab that could be tested. That is no verdict about any component."""


def settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of the lab that ``LAB_NAME``, the rest of the environment or ``lab.yaml`` names."""
    return load_settings(find_root(Path.cwd()), overrides={}, environ=environ)


def connect(lab: Settings) -> Transport:
    """Log in to the guest.

    Raises:
        Unusable: It does not run or does not answer.
    """
    from lab.transport.ssh import SSHTransport
    from lab.vm.machine import Machine

    machine = Machine(lab)
    try:
        state = machine.state()
        if state != RUNNING:
            raise _unusable(lab, f"its VM is {state.replace('_', ' ')}")
        return SSHTransport.connect(machine.ssh_target(), timeout=CONNECT_TIMEOUT)
    except Unusable:
        raise
    except LabError as error:
        raise _unusable(lab, error.message) from error


def check(lab: Settings, transport: Transport, *, kubernetes: bool) -> Status:
    """Return the lab's status if the suite can run on it.

    An addon or an application that is not ready is for a test to find.

    Args:
        lab: The lab.
        transport: The way into its guest.
        kubernetes: Whether the tests need its Kubernetes too.

    Raises:
        Unusable: The guest, snapd or MicroK8s as a whole does not work.
    """
    status = collect(transport, RUNNING, lab)
    for layer in status.layers:
        needed = layer.name in ("vm", "snapd") or (kubernetes and layer.name == "microk8s")
        if needed and layer.own.ready is not True:
            raise _unusable(lab, f"{layer.name}: {layer.own.reason}")
    return status


def _unusable(lab: Settings, why: str) -> Unusable:
    command = f"python -m lab --name {lab.name}"
    return Unusable(
        f"The lab '{lab.name}' cannot be tested: {why.rstrip('.')}.",
        code="LAB-TEST-003",
        hint=f"'{command} status' says more; '{command} up' brings it up, or goes on where it stopped.",
    )
