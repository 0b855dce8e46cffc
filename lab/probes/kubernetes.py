"""Reads MicroK8s's own status and the state of the objects that its addons consist of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lab.errors import MicroK8sError
from lab.probes.apiserver import LISTS
from lab.probes.guest import NOT_INSTALLED, TIMED_OUT, Answer, Facts
from lab.probes.model import Item, Layer, to_iso

ADDON_OBJECTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "dns": (("Deployment", "kube-system", "coredns"),),
    "hostpath-storage": (("Deployment", "kube-system", "hostpath-provisioner"),),
    "ingress": (("DaemonSet", "ingress", "nginx-ingress-microk8s-controller"),),
    "metallb": (("Deployment", "metallb-system", "controller"), ("DaemonSet", "metallb-system", "speaker")),
}
"""What each addon creates; MicroK8s, too, calls an addon enabled when its objects are there."""

RBAC = "rbac"
"""The addon that is only an option of the API server."""


@dataclass(frozen=True)
class Workload:
    """A node, Deployment or DaemonSet."""

    kind: str
    namespace: str
    name: str
    wanted: int
    available: int
    since: str | None
    reason: str = ""

    @property
    def ready(self) -> bool:
        """Whether all its pods are ready. One that wants no pods does nothing, and is not."""
        return 0 < self.wanted <= self.available


def objects_tell(addons: Iterable[str]) -> bool:
    """Whether each of these addons shows without asking MicroK8s, whose answer takes many seconds."""
    return all(_name(addon) in ADDON_OBJECTS or _name(addon) == RBAC for addon in addons)


def all_well(facts: Facts) -> bool:
    """Whether there is a node, and each node and each pod that is wanted is ready."""
    workloads = list(_workloads(facts))
    return any(workload.kind == "Node" for workload in workloads) and all(w.ready for w in workloads)


def microk8s_layer(facts: Facts, addons: Iterable[str], snap_problem: str | None) -> Layer:
    """Judge MicroK8s and each addon that the lab has to have."""
    workloads = list(_workloads(facts))
    nodes = [workload for workload in workloads if workload.kind == "Node"]
    since = nodes[0].since if nodes else None
    try:
        # It was asked only where the objects do not say enough, or say that something is wrong.
        asked = facts.answers.get("microk8s")
        enabled = _enabled(facts, workloads) if asked is None else parse_microk8s(asked)
    except MicroK8sError as error:
        reason = snap_problem or error.message
        node_reason = next((node.reason for node in nodes if not node.ready and node.reason), "")
        own = Item("microk8s", False, since, f"{reason} ({node_reason})" if node_reason else reason)
        unknown = tuple(Item(addon, None, None, "MicroK8s is not running") for addon in addons)
        return Layer(own, MicroK8sError.exit_code, unknown)
    own = Item("microk8s", snap_problem is None, since, snap_problem or "")
    waiting = dict(_waiting(facts.text("pods")))
    listed = next((facts.get(name) for name in LISTS if not facts.get(name).ok), facts.get("nodes"))
    items = tuple(_addon(addon, enabled, workloads, listed, waiting) for addon in addons)
    return Layer(own, MicroK8sError.exit_code, items)


def parse_microk8s(answer: Answer) -> frozenset[str]:
    """Return the enabled addons from ``microk8s status --format yaml``.

    A stopped node answers with exit code 0 and a plain sentence, so that only the exit code, the
    form and the content together say that it runs.

    Raises:
        MicroK8sError: It does not run; the message says why.
    """
    if answer.returncode == NOT_INSTALLED:
        raise MicroK8sError("MicroK8s is not installed", code="LAB-MK8S-101")
    if answer.returncode in TIMED_OUT:
        raise MicroK8sError("'microk8s status' did not answer in time", code="LAB-MK8S-102")
    try:
        data = yaml.safe_load(answer.stdout)
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict):
        raise MicroK8sError(answer.problem, code="LAB-MK8S-103")
    own = data.get("microk8s")
    if not answer.ok or not isinstance(own, dict) or own.get("running") is not True:
        availability = data.get("high-availability")
        message = availability.get("message") if isinstance(availability, dict) else None
        raise MicroK8sError(str(message or "MicroK8s is not running"), code="LAB-MK8S-104")
    addons = data.get("addons")
    return frozenset(
        str(addon["name"])
        for addon in (addons if isinstance(addons, list) else ())
        if isinstance(addon, dict) and "name" in addon and addon.get("status") == "enabled"
    )


def _enabled(facts: Facts, workloads: list[Workload]) -> frozenset[str]:
    there = {(workload.kind, workload.namespace, workload.name) for workload in workloads}
    enabled = {name for name, objects in ADDON_OBJECTS.items() if not there.isdisjoint(objects)}
    modes = re.findall(r"^--authorization-mode[= ](\S+)", facts.text("apiserver"), re.MULTILINE)
    if modes and "RBAC" in modes[-1].strip("\"'").split(","):
        enabled.add(RBAC)
    return frozenset(enabled)


def _addon(
    addon: str, enabled: frozenset[str], workloads: list[Workload], asked: Answer, waiting: dict[str, str]
) -> Item:
    name = _name(addon)
    if name not in enabled:
        return Item(name, False, None, "it is not enabled")
    expected = ADDON_OBJECTS.get(name, ())
    if expected and not asked.ok:
        return Item(name, None, None, f"its pods could not be looked at: {asked.problem}")
    since = None
    for kind, namespace, object_name in expected:
        found = next(
            (w for w in workloads if (w.kind, w.namespace, w.name) == (kind, namespace, object_name)), None
        )
        if found is None:
            return Item(name, False, None, f"{kind} {namespace}/{object_name} does not exist")
        if not found.ready:
            pods = f"{found.available} of {found.wanted} pods of {object_name} are ready"
            why = next(
                (text for pod, text in waiting.items() if pod.startswith(f"{namespace}/{object_name}-")), ""
            )
            return Item(name, False, found.since, f"{pods}: {why}" if why else pods)
        since = found.since
    return Item(name, True, since)


def _name(addon: str) -> str:
    return addon.partition(":")[0]


def _workloads(facts: Facts) -> Iterator[Workload]:
    for _, name, item in _objects(facts.text("nodes")):
        ready = _condition(item, "Ready")
        since, why = to_iso(ready.get("lastTransitionTime")), str(ready.get("message", ""))
        yield Workload("Node", "", name, 1, int(ready.get("status") == "True"), since, why)
    for namespace, name, item in _objects(facts.text("deployments")):
        wanted, ready_pods = _number(item, "spec", "replicas"), _number(item, "status", "readyReplicas")
        since = to_iso(_condition(item, "Available").get("lastTransitionTime"))
        yield Workload("Deployment", namespace, name, wanted, ready_pods, since)
    for namespace, name, item in _objects(facts.text("daemonsets")):
        wanted = _number(item, "status", "desiredNumberScheduled")
        yield Workload("DaemonSet", namespace, name, wanted, _number(item, "status", "numberReady"), None)


def _objects(text: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield namespace, name and the whole of each object in a list of the API server."""
    try:
        items = json.loads(text)["items"] or ()
    except (ValueError, KeyError, TypeError):
        return
    for item in items:
        yield item["metadata"].get("namespace", ""), item["metadata"]["name"], item


def _condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = item.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _number(item: Mapping[str, Any], part: str, key: str) -> int:
    return int(item.get(part, {}).get(key) or 0)


def _waiting(text: str) -> Iterator[tuple[str, str]]:
    """Yield ``namespace/pod`` and why it waits, of each pod that does."""
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != 5:
            continue
        namespace, pod, phase, reasons, unschedulable = fields
        why = (
            unschedulable or ", ".join(sorted(set(reasons.split()))) or ("" if phase == "Running" else phase)
        )
        if why and phase != "Succeeded":
            yield f"{namespace}/{pod}", why
