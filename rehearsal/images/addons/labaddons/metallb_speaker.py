"""The load balancer's speaker: makes the addresses of services reachable on this machine.

kube-proxy sends on whatever is addressed to a service, but a packet has to get as far as being routed, also
on a machine without a default route. So each address gets a route to the pods' bridge, with a mark of ours on
it. The routes go with the bridge when the snap is removed.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from labaddons.kube import Cluster, Mirror
from labaddons.pools import current_address

SERVICES = "/api/v1/services"
BRIDGE = "cni0"
PROTOCOL = "99"


def changes(wanted: set[str], present: set[str]) -> list[list[str]]:
    """Returns the arguments of `ip route` that lead from the routes present to those wanted."""
    route = ["dev", BRIDGE, "scope", "link", "proto", PROTOCOL]
    return [["add", f"{address}/32", *route] for address in sorted(wanted - present)] + [
        ["delete", f"{address}/32", *route] for address in sorted(present - wanted)
    ]


def present_routes() -> set[str]:
    """Returns the addresses that have a route of ours."""
    shown = subprocess.run(
        ["ip", "-4", "route", "show", "proto", PROTOCOL], capture_output=True, text=True, check=True
    )
    return {line.split()[0] for line in shown.stdout.splitlines()}


def set_routes(wanted: set[str]) -> None:
    """Makes our routes the wanted ones; the next look tries again what failed."""
    if wanted and not Path(f"/sys/class/net/{BRIDGE}").exists():
        print("the pods' bridge does not exist yet", flush=True)
        return
    for arguments in changes(wanted, present_routes()):
        print("ip route", *arguments, flush=True)
        subprocess.run(["ip", "route", *arguments], check=False)


def _end(*_: object) -> None:
    set_routes(set())
    os._exit(0)


def main() -> None:
    """Keeps the routes until the pod is stopped."""
    signal.signal(signal.SIGTERM, _end)
    mirror = Mirror(Cluster(), SERVICES)
    for _ in mirror.changes(idle=5):
        services = mirror.values(SERVICES)
        balanced = [item for item in services if item["spec"].get("type") == "LoadBalancer"]
        set_routes({address for address in map(current_address, balanced) if address})


if __name__ == "__main__":
    main()
