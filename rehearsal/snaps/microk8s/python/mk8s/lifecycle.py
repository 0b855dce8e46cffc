"""`microk8s start`, `stop` and `reset`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Sequence

from mk8s import cleanup
from mk8s.addons import NAMES, Request, enabled_names
from mk8s.snap import CommandError, Snap, become_root, is_root, require_access, require_started
from mk8s.status import read_cluster, wait_for_cluster
from mk8s.xable import addon_lock, carry_out

KEPT_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
# How long one kind of objects may take to be deleted.
DELETE_TIMEOUT = "--timeout=60s"


def _control(action: str, *options: str) -> None:
    """Starts or stops the daemons through snapd, which refuses while it is busy with them."""
    code = subprocess.run(["snapctl", action, "microk8s", *options], check=False).returncode
    if code:
        raise CommandError(f"microk8s could not {action} its services", code)


def start(snap: Snap, arguments: Sequence[str]) -> int:
    """Starts the daemons, also at the next boot."""
    argparse.ArgumentParser(prog="microk8s start").parse_args(arguments)
    require_access(snap)
    become_root(["start"])
    _control("start", "--enable")
    snap.stopped_lock.unlink(missing_ok=True)
    print("Started.")
    return 0


def stop(snap: Snap, arguments: Sequence[str]) -> int:
    """Stops the daemons, also at the next boot, and ends all pods."""
    options = argparse.ArgumentParser(prog="microk8s stop")
    options.add_argument("--force", action="store_true", help="accepted and without effect")
    options.parse_args(arguments)
    require_access(snap)
    become_root(["stop"])
    _control("stop", "--disable")
    snap.stopped_lock.touch()
    cleanup.kill_pods()
    print("Stopped.")
    return 0


def _names(snap: Snap, kind: str) -> list[str]:
    listed = snap.kubectl("get", kind, "--output=name", quiet=True).stdout
    return [line.partition("/")[2] for line in listed.splitlines()]


def reset(snap: Snap, arguments: Sequence[str]) -> int:
    """Takes the node back to an empty cluster: addons, namespaces, objects and volumes are deleted.

    Raises:
        CommandError: not root, or the node is stopped or not ready.
    """
    options = argparse.ArgumentParser(prog="microk8s reset", description="Restore the node to its start.")
    # Volumes are always destroyed, with or without it, whatever the real tool's help says.
    options.add_argument("--destroy-storage", action="store_true", help="also destroy volumes")
    options.parse_args(arguments)
    if not is_root():
        raise CommandError("This command needs root: sudo microk8s reset", 50)
    require_started(snap)
    objects = wait_for_cluster(lambda: read_cluster(snap), 60)
    if objects is None:
        raise CommandError("The API server of this node is not ready; see microk8s status.")
    namespaces = [name for name in _names(snap, "namespaces") if name not in KEPT_NAMESPACES]
    for name in [name for name in namespaces if name not in ("ingress", "metallb-system")]:
        print(f"Deleting namespace {name}")
        snap.kubectl("delete", "namespace", name, DELETE_TIMEOUT, check=False)
    print("Deleting what is in the namespace default")
    kinds = "deployments,statefulsets,daemonsets,jobs,cronjobs,pods,ingresses,configmaps,secrets,pvc"
    snap.kubectl("-n", "default", "delete", kinds, "--all", DELETE_TIMEOUT, check=False)
    services = [name for name in _names(snap, "services") if name != "kubernetes"]
    if services:
        snap.kubectl("-n", "default", "delete", "service", *services, DELETE_TIMEOUT, check=False)
    snap.kubectl("delete", "persistentvolumes", "--all", DELETE_TIMEOUT, check=False)
    with addon_lock(snap):
        for name in sorted(enabled_names(objects)):
            if name in NAMES and name != "storage":
                arguments = ("destroy-storage",) if name == "hostpath-storage" else ()
                carry_out(snap, "disable", Request("core", name, tuple(arguments)))
    for kind in ("customresourcedefinitions", "priorityclasses"):
        for name in _names(snap, kind):
            if not name.startswith("system-"):
                snap.kubectl("delete", kind, name, DELETE_TIMEOUT, check=False)
    shutil.rmtree(snap.storage, ignore_errors=True)
    _control("restart")
    wait_for_cluster(lambda: read_cluster(snap), 60)
    print("The node is reset.")
    return 0
