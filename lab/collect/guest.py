"""What the guest is asked."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial

from lab.collect.piece import Question, Said
from lab.config import Settings
from lab.transport.base import Transport

SECONDS = 60.0
"""For each command; a hung MicroK8s or Juju would take longer than anybody waits."""

KUBECTL = "sudo -n /snap/bin/microk8s kubectl --request-timeout=30s"
JUJU = "/snap/bin/juju"

SYSTEM: Mapping[str, str] = {
    "guest/os-release.txt": "cat /etc/os-release",
    "guest/kernel.txt": "uname -a",
    "guest/uptime.txt": "date --utc +%FT%TZ; uptime",
    "guest/disk.txt": "df -h; df -i",
    "guest/memory.txt": "free -m; cat /proc/pressure/* 2>/dev/null",
    "guest/addresses.txt": "ip address; ip route",
    "guest/failed-units.txt": "systemctl --failed --no-pager --plain",
    "guest/journal-warnings.txt": "sudo -n journalctl --no-pager --priority=warning --lines=3000",
    "guest/dmesg.txt": "sudo -n dmesg | tail -n 1000",
    "guest/snap-list.txt": "/usr/bin/snap list --all --color=never --unicode=never",
    "guest/snap-changes.txt": "/usr/bin/snap changes",
    "guest/snap-version.txt": "/usr/bin/snap version",
}

KUBERNETES: Mapping[str, str] = {
    "microk8s/version.txt": "sudo -n /snap/bin/microk8s version",
    "microk8s/status.txt": "sudo -n /snap/bin/microk8s status",
    "kubernetes/version.txt": f"{KUBECTL} version",
    "kubernetes/nodes.txt": f"{KUBECTL} get nodes -o wide; {KUBECTL} describe nodes",
    "kubernetes/pods.txt": f"{KUBECTL} get pods --all-namespaces -o wide",
    "kubernetes/workloads.txt": f"{KUBECTL} get deployments,statefulsets,daemonsets --all-namespaces -o wide",
    "kubernetes/services.txt": f"{KUBECTL} get services,ingress,pvc,pv --all-namespaces -o wide",
    "kubernetes/events.txt": f"{KUBECTL} get events --all-namespaces --sort-by=.metadata.creationTimestamp",
}


def juju(settings: Settings) -> Mapping[str, str]:
    """Return what Juju is asked about a lab's model."""
    controller = settings.provision_env.get("LAB_CONTROLLER", "")
    chosen = f"--model {shlex.quote(controller + ':' + settings.provision_env.get('LAB_MODEL', ''))}"
    return {
        "juju/version.txt": f"{JUJU} version",
        "juju/models.txt": f"{JUJU} models --controller {shlex.quote(controller)}",
        "juju/status.txt": f"{JUJU} status {chosen}",
        "juju/status.json": f"{JUJU} status {chosen} --format json",
        "juju/debug-log.txt": f"{JUJU} debug-log {chosen} --replay --no-tail --limit 3000",
    }


def run(transport: Transport, command: str, timeout: float = SECONDS) -> Said:
    """Run a command in the guest and return both its streams."""
    result = transport.run(command, timeout=timeout)
    # Many print a part of the answer before they fail.
    text = result.stdout + (f"\n[standard error]\n{result.stderr}" if result.stderr.strip() else "")
    return Said(text.encode("utf-8", "surrogateescape"), result.returncode)


def questions(transport: Transport, commands: Mapping[str, str]) -> list[Question]:
    """Return commands as questions to a guest."""
    return [Question(name, command, partial(run, transport, command)) for name, command in commands.items()]
