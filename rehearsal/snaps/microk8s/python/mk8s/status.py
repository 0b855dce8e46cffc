"""`microk8s status`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mk8s.addons import ADDONS, REPOSITORY, Addon, enabled_names
from mk8s.snap import Snap, require_access

if TYPE_CHECKING:
    from mk8s.api import ApiServer

NOT_RUNNING = "microk8s is not running. Use microk8s inspect for a deeper inspection."
STOPPED = "microk8s is not running, try microk8s start"
# There is one node and no dqlite; scripts made for the real tool still read these lines.
DATASTORE = "127.0.0.1:19001"
POLL_SECONDS = 2


def _is_node_ready(server: ApiServer) -> bool:
    nodes = server.get("/api/v1/nodes") or {}
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for node in nodes.get("items") or []
        for condition in node["status"].get("conditions", [])
    )


def _read_objects(server: ApiServer) -> set[str]:
    objects = {f"pod/{name}" for name in server.names("/api/v1/pods")}
    deployments = server.names("/apis/apps/v1/namespaces/kube-system/deployments")
    objects |= {f"deployment.apps/{name}" for name in deployments}
    role = "clusterrole.rbac.authorization.k8s.io"
    if server.get(f"/apis/{role.partition('.')[2]}/v1/clusterroles/cluster-admin") is not None:
        objects.add(f"{role}/cluster-admin")
    return objects


def read_objects(snap: Snap) -> set[str] | None:
    """Returns the names of the objects addons are known by, or None if the API server does not answer."""
    from mk8s.api import ApiServer, UnreachableError

    try:
        return _read_objects(ApiServer(snap))
    except (UnreachableError, OSError):
        return None


def read_cluster(snap: Snap) -> set[str] | None:
    """Returns the names of the objects addons are known by, or None if the cluster is not ready.

    Ready means what it means to the real tool: the API server answers and the node is Ready. It says nothing
    of pods.
    """
    from mk8s.api import ApiServer, UnreachableError

    try:
        server = ApiServer(snap)
        if server.get("/api/v1/namespaces/default/services/kubernetes") is None or not _is_node_ready(server):
            return None
        return _read_objects(server)
    except (UnreachableError, OSError):
        return None


def wait_for_cluster(
    read: Callable[[], set[str] | None],
    timeout: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> set[str] | None:
    """Reads until the cluster is ready; a timeout of 0 means for ever."""
    end = clock() + timeout
    while True:
        objects = read()
        if objects is not None or (timeout and clock() >= end):
            return objects
        sleep(POLL_SECONDS)


def _by_state(enabled: set[str]) -> dict[str, list[Addon]]:
    states: dict[str, list[Addon]] = {"enabled": [], "disabled": []}
    for addon in ADDONS:
        states["enabled" if addon.name in enabled else "disabled"].append(addon)
    return states


def render_pretty(enabled: set[str] | None) -> str:
    """Renders the form for people."""
    if enabled is None:
        return NOT_RUNNING
    lines = [
        "microk8s is running",
        "high-availability: no",
        f"  datastore master nodes: {DATASTORE}",
        "  datastore standby nodes: none",
        "addons:",
    ]
    for state, addons in _by_state(enabled).items():
        if addons:
            lines.append(f"  {state}:")
        lines += [f"    {addon.name:<20} # ({REPOSITORY}) {addon.description}" for addon in addons]
    return "\n".join(lines)


def render_short(enabled: set[str] | None) -> str:
    """Renders the form with one line an addon."""
    if enabled is None:
        return NOT_RUNNING
    lines = ["microk8s is running", "addons:"]
    for state, addons in _by_state(enabled).items():
        lines += [f"{REPOSITORY}/{addon.name}: {state}" for addon in addons]
    return "\n".join(lines)


def render_yaml(enabled: set[str] | None) -> str:
    """Renders YAML; a cluster that is not ready has no key `addons`."""
    lines = ["microk8s:", f"  running: {enabled is not None}", "high-availability:", "  enabled: True"]
    lines += ["  nodes:", f"    - address: {DATASTORE}", "      role: voter"]
    if enabled is None:
        lines.append(f"  message: {NOT_RUNNING}")
        return "\n".join(lines)
    lines.append("addons:")
    for state, addons in _by_state(enabled).items():
        for addon in addons:
            lines += [
                f"  - name: {addon.name}",
                f"    repository: {REPOSITORY}",
                f"    description: {addon.description}",
                f"    version: {addon.version}",
                f"    status: {state}",
            ]
    return "\n".join(lines)


RENDERERS = {"pretty": render_pretty, "yaml": render_yaml, "short": render_short}


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = argparse.ArgumentParser(prog="microk8s status", description="MicroK8s cluster status check.")
    made.add_argument("--format", choices=sorted(RENDERERS), default="pretty")
    made.add_argument("-w", "--wait-ready", action="store_true", help="wait until the cluster is ready")
    made.add_argument("-t", "--timeout", type=int, default=0, help="seconds to wait; 0 waits for ever")
    made.add_argument("-a", "--addon", help="print whether one addon is enabled")
    made.add_argument("--yaml", action="store_true", help="DEPRECATED, use '--format yaml' instead")
    return made


def run(snap: Snap, arguments: Sequence[str]) -> int:
    """Prints the status; the exit code is 1 if the cluster is not ready, but 0 if it was stopped."""
    options = parser().parse_args(arguments)
    require_access(snap)
    if snap.stopped_lock.exists():
        print(STOPPED)
        return 0
    if options.wait_ready:
        objects = wait_for_cluster(lambda: read_cluster(snap), options.timeout)
    else:
        objects = read_cluster(snap)
    enabled = None if objects is None else enabled_names(objects)
    if options.addon:
        name = options.addon.removeprefix(f"{REPOSITORY}/")
        print("enabled" if enabled is not None and name in enabled else "disabled")
    else:
        print(RENDERERS["yaml" if options.yaml else options.format](enabled))
    sys.stdout.flush()
    return 0 if enabled is not None else 1
