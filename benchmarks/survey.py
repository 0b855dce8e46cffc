"""What there is in the guest, asked without any of the lab's own scripts.

The purge path proves by its own list that nothing is left. This finds what that list may have forgotten: all
that is there after a later purge and was not there after the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import Lab

_SCRIPT = r"""
awk '{ print "mount " $5 }' /proc/self/mountinfo
ip -o link show | awk -F ': ' '{ print "interface " $2 }'
ip netns list | sed 's/^/network namespace /'
for table in iptables ip6tables; do
  sudo $table-save 2>/dev/null | sed -n "s/ \[.*//; s/^[:-]/$table rule /p"
done
ip route | sed 's/^/route /'
ss -Hltun | awk '{ print "listener " $1 " " $5 }'
getent group | sed 's/:.*//; s/^/group /'
sudo find /etc /opt /root /home /usr/local /var/lib /var/snap /var/log /snap -xdev -maxdepth 3 \
  -not -path '/var/lib/apt/*' -not -path '/var/log/journal/*' | sed 's/^/path /'
find /sys/fs/cgroup -maxdepth 1 -type d | sed 's/^/control group /'
df --output=used --block-size=M / | tail -n 1 | tr -d ' M' | sed 's/^/figure disk_mib /'
free --mebi | awk '/^Mem:/ { print "figure memory_mib " $3 }'
sed 's/^/fact boot /' /proc/sys/kernel/random/boot_id
"""

# What comes and goes, or counts on, without anybody installing anything.
_PASSING = re.compile(
    r"mount /run/user/|path /var/lib/(systemd|snapd/(cache|state\.json|errtracker|seccomp|snapshots))|"
    r"path /var/log/\S+\.(gz|\d)$"
)


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        things: A line for each thing, such as ``mount /run/netns/cni-1``.
        disk_mib: What is used of the disk, in MiB.
        memory_mib: What is used of the memory, in MiB.
        boot: Changes with each start of the guest.
    """

    things: frozenset[str]
    disk_mib: int
    memory_mib: int
    boot: str


def survey(lab: Lab, log: Path) -> Survey:
    """Ask the guest of a lab what there is.

    Raises:
        LabError: It does not answer.
    """
    return parse(lab.run("exec", _SCRIPT, log=log).stdout)


def parse(text: str) -> Survey:
    """Read what the guest answers."""
    figures: dict[str, str] = {}
    things = set()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind in ("figure", "fact"):
            name, _, value = rest.partition(" ")
            figures[name] = value
        elif rest and not _PASSING.match(line):
            things.add(line)
    return Survey(frozenset(things), int(figures["disk_mib"]), int(figures["memory_mib"]), figures["boot"])
