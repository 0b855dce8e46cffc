"""Names what is stuck in the cluster, with nothing but the standard library.

Reads `kubectl get nodes,pods,leases.coordination.k8s.io -A -o json` on standard input and prints a line for
each thing that is not as it should be, with tabs between its fields:

    HOW NAMESPACE POD UID OWNER REASON

HOW says what to do about it: `soon` and `late` (make the pod anew if it stays so for a short or a long
time), `gone` (it should be away by now), `wait` (there is nothing to do but to wait). A healthy cluster
prints nothing.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

TYPE_CHECKING = False  # in an emulated guest each import counts
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Line = tuple[str, ...]

# Only what these own is made anew when it is deleted. A job's pods have their own rules.
OWNERS = ("ReplicaSet", "StatefulSet", "DaemonSet")

# Kubernetes tries again by itself, but waits up to five minutes in between. RunContainerError and
# CreateContainerError are not among them: after those the kubelet tries again at its next look, or backs off.
BACKING_OFF = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull")

LEASE_SECONDS = 60.0
"""A kubelet says every 10 s that it lives; nobody else notices for 40 s that it does not."""


def node_problem(node: dict[str, Any], leases: dict[str, float], boot_id: str, now: float) -> str:
    """Return why a node does not work, "" if it does.

    What it said before a reboot stands in the cluster until its kubelet speaks again.
    """
    ready = condition(node, "Ready")
    if ready.get("status") != "True":
        return str(ready.get("message") or "not ready")
    said = node.get("status", {}).get("nodeInfo", {}).get("bootID", "")
    if boot_id and said != boot_id:
        return "its kubelet has not spoken since the VM was started"
    if abs(now - leases.get(node["metadata"]["name"], 0.0)) > LEASE_SECONDS:
        return "its kubelet is silent"
    return ""


def pod_problem(pod: dict[str, Any]) -> tuple[str, str]:
    """Return what to do about a pod, and why; ("", "") if nothing."""
    status = pod.get("status", {})
    phase = status.get("phase", "")
    if pod["metadata"].get("deletionTimestamp"):
        return "gone", "Terminating"
    if phase == "Succeeded":
        return "", ""
    if phase in ("Failed", "Unknown"):
        return "soon", str(status.get("reason") or phase)
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in containers:
        state = container.get("state", {})
        waiting = state.get("waiting", {}).get("reason", "")
        if waiting in BACKING_OFF:
            return "soon", waiting
        # The container of an earlier boot, whose end nobody saw. The kubelet gets to each in time.
        if state.get("terminated", {}).get("reason") in ("Unknown", "ContainerStatusUnknown"):
            return "late", "Unknown"
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return "wait", str(scheduled.get("message") or "not scheduled")
    if condition(pod, "Ready").get("status") != "True":
        reasons = [container.get("state", {}).get("waiting", {}).get("reason") for container in containers]
        return "late", next((reason for reason in reasons if reason), "not ready")
    return "", ""


def condition(thing: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return one condition of a node or pod; an empty one if it has none of that kind."""
    for entry in thing.get("status", {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def owner(pod: dict[str, Any]) -> str:
    """Return what makes a pod anew, as KIND/NAME, "" if nothing of the usual kinds does."""
    for reference in pod["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") in OWNERS:
            return f"{reference['kind']}/{reference['name']}"
    return ""


def seconds(text: str) -> float:
    """Return a time of Kubernetes in seconds since 1970."""
    plain = text.rstrip("Z").partition(".")[0]
    return datetime.strptime(plain, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()


def find(items: Iterable[dict[str, Any]], namespaces: Iterable[str], boot_id: str, now: float) -> list[Line]:
    """Judge all nodes, and the pods of some namespaces; pods of others are their users' own."""
    items, wanted = list(items), set(namespaces)
    leases = {
        item["metadata"]["name"]: seconds(item["spec"]["renewTime"])
        for item in items
        if item["kind"] == "Lease" and item["metadata"]["namespace"] == "kube-node-lease"
    }
    lines: list[Line] = []
    for item in items:
        name = item["metadata"]["name"]
        if item["kind"] == "Node":
            if why := node_problem(item, leases, boot_id, now):
                lines.append(("wait", "-", name, "-", "-", f"the node {name}: {why}"))
        elif item["kind"] == "Pod" and item["metadata"]["namespace"] in wanted and (who := owner(item)):
            how, why = pod_problem(item)
            if how:
                lines.append((how, item["metadata"]["namespace"], name, item["metadata"]["uid"], who, why))
    return lines


def main(arguments: list[str]) -> int:
    """Print a line for each thing that is stuck. Arguments: file with the boot's ID, namespaces."""
    boot_id_file, *namespaces = arguments
    try:
        with open(boot_id_file, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
            boot_id = file.read().strip()
    except OSError:
        boot_id = ""
    try:
        items = json.load(sys.stdin).get("items") or []
    except ValueError:
        return 1  # nobody answered
    for line in find(items, namespaces, boot_id, datetime.now(UTC).timestamp()):
        sys.stdout.write("\t".join(" ".join(field.split()) for field in line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
