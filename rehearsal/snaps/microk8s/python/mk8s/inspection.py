"""`microk8s inspect`: a look at the services, and an archive of all that helps to find a fault."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from mk8s.snap import Snap, become_root, require_access

DAEMONS = (
    "cluster-agent",
    "containerd",
    "etcd",
    "apiserver",
    "controller-manager",
    "scheduler",
    "kubelite",
    "proxy",
)
JOURNAL_LINES = 20000
COMMANDS = {
    "sys/ps": ["ps", "-ef"],
    "sys/snap-list": ["snap", "list"],
    "sys/snap-version": ["snap", "version"],
    "sys/disk_usage": ["df", "-h"],
    "sys/memory_usage": ["free", "-m"],
    "sys/uptime": ["uptime"],
    "network/ip-address": ["ip", "address"],
    "network/ip-route": ["ip", "route"],
    "network/iptables": ["iptables-save"],
    "network/ss": ["ss", "-plnt"],
}
KUBECTL = {
    "k8s/get-all": ["get", "all,ingress,pvc", "--all-namespaces", "-o", "wide"],
    "k8s/get-pv": ["get", "pv"],
    "k8s/nodes": ["describe", "nodes"],
    "k8s/events": ["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"],
    "k8s/version": ["version"],
}
# The limits the documentation of MicroK8s asks for.
LIMITS = {"fs/inotify/max_user_instances": 1024, "fs/inotify/max_user_watches": 1048576}
COMMAND_SECONDS = 60


def _collect(command: Sequence[str], file: Path) -> bool:
    """Writes what a command prints to a file, and tells whether it succeeded."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as output:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            output.write(f"{error}\n")
            return False
    return done.returncode == 0


def _warnings() -> list[str]:
    found = []
    for name, least in LIMITS.items():
        if int(Path("/proc/sys", name).read_text(encoding="utf-8")) < least:
            found.append(f"{name.replace('/', '.')} is low; at least {least} is recommended.")
    node = Path("/proc/sys/kernel/hostname").read_text(encoding="utf-8").strip()
    if node != node.lower() or "_" in node:
        found.append("This machine's hostname contains capital letters and/or underscores.")
    return found


def run(snap: Snap, arguments: Sequence[str]) -> int:
    """Inspects the node; the exit code is 1 if one of its services is down."""
    if arguments:
        print("Inspects the node, and makes an archive of logs and settings.")
        return 0 if arguments[0] in ("-h", "--help") else 1
    require_access(snap)
    become_root(["inspect"])
    report = snap.data / "inspection-report"
    shutil.rmtree(report, ignore_errors=True)
    code = 0
    print("Inspecting system\nInspecting services")
    for daemon in DAEMONS:
        service = f"snap.microk8s.daemon-{daemon}"
        _collect(["journalctl", "-n", str(JOURNAL_LINES), "-u", service], report / service / "journal.log")
        if _collect(["systemctl", "status", service], report / service / "systemctl.log"):
            print(f"  Service {service} is running")
        else:
            print(f" FAIL:  Service {service} is not running")
            print(f"For more details look at: sudo journalctl -u {service}")
            code = 1
    print("  Copy service arguments to the final report tarball", flush=True)
    shutil.copytree(snap.args, report / "args")
    print("Gathering system information", flush=True)
    for name, command in COMMANDS.items():
        _collect(command, report / name)
    print("Inspecting kubernetes cluster", flush=True)
    for name, command in KUBECTL.items():
        _collect([snap.program("kubectl"), f"--kubeconfig={snap.client_config}", *command], report / name)
    for warning in _warnings():
        print(f"WARNING:  {warning}")
    print("Building the report tarball")
    archive = snap.data / time.strftime("inspection-report-%Y%m%d_%H%M%S.tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(report, arcname="inspection-report")
    shutil.rmtree(report)
    print(f"  Report tarball is at {archive}")
    return code
