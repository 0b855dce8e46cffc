"""The status of a lab in layers, each ready or not, since when, and why not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lab.config import Settings
from lab.errors import JujuError, KubeflowError, LabError, MicroK8sError, VMError
from lab.probes import apiserver, guest
from lab.probes.juju import applications_layer, juju_layer
from lab.probes.kubernetes import all_well, microk8s_layer, objects_tell
from lab.probes.model import Item, Layer, Status, from_epoch, iso
from lab.probes.recognise import recognise
from lab.probes.render import render
from lab.transport.base import Transport

__all__ = ["Item", "Layer", "Status", "collect", "render"]

RUNNING = "running"

_UPPER = (
    ("snapd", VMError),
    ("microk8s", MicroK8sError),
    ("juju", JujuError),
    ("applications", KubeflowError),
)


def collect(transport: Transport | None, machine_state: str, settings: Settings) -> Status:
    """Find out the state of every layer, with one command in the guest and, if all is well, few programs.

    Args:
        transport: The way into the guest; ``None`` if it does not answer or does not run.
        machine_state: The machine's state as Vagrant calls it, such as ``running``.
        settings: Which lab it is and what it has to have.
    """
    if machine_state != RUNNING:
        return _blind(settings, f"the VM is {machine_state.replace('_', ' ')}")
    if transport is None:
        return _blind(settings, "the VM runs but does not answer on ssh")
    provision = settings.provision_env
    model = provision.get("LAB_MODEL", "")
    controller = provision.get("LAB_CONTROLLER", "")
    addons = provision.get("LAB_ADDONS", "").split()
    tells = objects_tell(addons)
    lists = apiserver.ask(transport, settings.state_dir / "kubeconfig") if tells else {}
    # Why something is not as it should be, the guest knows best.
    well = all_well(guest.Facts(lists))
    depth: guest.Depth = "known" if well else "quick" if tells else "full"
    try:
        facts = guest.ask(transport, controller, model, kubernetes=depth).along_with(lists if well else {})
    except LabError as error:
        return _blind(settings, f"the VM runs but does not answer: {error.message}")
    now = _clock(facts)
    layers = (
        Layer(Item("vm", True, _boot_time(facts, now), RUNNING), VMError.exit_code),
        _snapd_layer(facts),
        microk8s_layer(facts, addons, _snap_problem(facts, "microk8s")),
        juju_layer(facts, controller, model, _snap_problem(facts, "juju")),
        applications_layer(facts, settings.edition.expect.applications),
    )
    recognised = tuple(recognise(layer) for layer in layers)
    return Status(settings.name, settings.edition.name, settings.banner, recognised, now)


def _blind(settings: Settings, reason: str) -> Status:
    """Return the status of a lab that cannot be looked into."""
    layers = [Layer(Item("vm", False, None, reason), VMError.exit_code)]
    layers += [Layer(Item(name, None, None, reason), error.exit_code) for name, error in _UPPER]
    return Status(settings.name, settings.edition.name, settings.banner, tuple(layers), datetime.now(UTC))


def _snapd_layer(facts: guest.Facts) -> Layer:
    properties = dict(line.partition("=")[::2] for line in facts.text("snapd").splitlines() if "=" in line)
    since = from_epoch(properties.get("ActiveEnterTimestamp", ""))
    told = facts.get("snap")
    if told.returncode == guest.NOT_INSTALLED:
        own = Item("snapd", False, None, "snapd is not installed")
    elif not told.ok:
        own = Item("snapd", False, since, told.problem)
    elif re.search(r"^snapd +unavailable", told.stdout, re.MULTILINE):
        # Its client ends with 0 all the same (snapcore/snapd, cmd/snap/cmd_version.go).
        own = Item("snapd", False, since, "snapd does not answer")
    else:
        # An idle snapd stops itself and is started by its socket, so the answer counts, not the unit.
        own = Item("snapd", True, since)
    return Layer(own, VMError.exit_code)


def _snap_problem(facts: guest.Facts, name: str) -> str | None:
    """Return what is wrong with an installed snap; ``None`` when it is fine, or without snapd."""
    if facts.get("snap").returncode == guest.NOT_INSTALLED:
        return None
    states = dict(line.split() for line in facts.text("snaps").splitlines())
    match states.get(name, "ok"):
        case "absent":
            return f"the snap {name} is not installed"
        case "ok":
            return None
        case state:
            return f"the snap {name} is {state}"


def _clock(facts: guest.Facts) -> datetime:
    text = facts.text("clock").strip()
    return datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.now(UTC)


def _boot_time(facts: guest.Facts, now: datetime) -> str | None:
    try:
        up = float(facts.text("uptime").split()[0])
    except (IndexError, ValueError):
        return None
    return iso(datetime.fromtimestamp(now.timestamp() - up, UTC))
