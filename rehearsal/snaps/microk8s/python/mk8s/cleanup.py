"""Ending pods, and taking away what they leave in the kernel."""

from __future__ import annotations

import functools
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
# The pods, and containerd's unit: only its shims are left in it once containerd has stopped.
POD_CGROUPS = (CGROUPS / "kubepods.slice", CGROUPS / "system.slice/snap.microk8s.daemon-containerd.service")
END_SECONDS = 30
BRIDGE = "cni0"


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + END_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)


def _is_empty(cgroup: Path) -> bool:
    try:
        return "populated 0" in (cgroup / "cgroup.events").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True


def kill_pods() -> None:
    """Kills every process of every pod at once, then the shims, and waits for their end."""
    for cgroup in POD_CGROUPS:
        kill = cgroup / "cgroup.kill"
        if kill.exists():
            kill.write_text("1", encoding="utf-8")
        _wait_until(functools.partial(_is_empty, cgroup))


def mount_points(mounts: str, directory: Path) -> list[str]:
    """Returns the mount points below a directory, those deepest in first.

    Args:
        mounts: the text of /proc/self/mounts.
        directory: a directory.
    """
    points = [line.split()[1] for line in mounts.splitlines()]
    inside = [point for point in points if point.startswith(f"{directory}/")]
    return sorted(inside, key=lambda point: point.count("/"), reverse=True)


def unmount_below(directory: Path) -> None:
    """Detaches all that is mounted below a directory."""
    points = mount_points(Path("/proc/self/mounts").read_text(encoding="utf-8"), directory)
    if points:
        subprocess.run(["umount", "--lazy", *points], check=False)


def without_pods_rules(rules: str) -> str:
    """Returns the rules of an iptables-save without those the pods' network plugins made.

    A rule that forwards port 80 to a pod that is gone would come before that of a later installation. The
    rules of kube-proxy stay, as with the real tool.
    """
    return "".join(line for line in rules.splitlines(keepends=True) if not re.search(r"\bCNI-", line))


def remove_network() -> None:
    """Removes the pods' network: rules, network namespaces and the bridge."""
    saved = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=False).stdout
    kept = without_pods_rules(saved)
    if kept != saved:
        subprocess.run(["iptables-restore"], input=kept, text=True, check=False)
    for namespace in Path("/run/netns").glob("cni-*"):
        subprocess.run(["ip", "netns", "delete", namespace.name], check=False)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False)
