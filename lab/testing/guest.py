"""What the suite asks and does of the guest itself."""

from __future__ import annotations

import ipaddress

from lab.config import Settings
from lab.errors import LabError
from lab.probes.status import RUNNING, Status, collect
from lab.testing.waiting import Pending, wait_until
from lab.transport.base import Transport


def boot_id(transport: Transport) -> str:
    """Return what the kernel calls this boot."""
    return transport.run("cat /proc/sys/kernel/random/boot_id", timeout=30).check().stdout.strip()


def reboot(transport: Transport, *, deadline: float) -> None:
    """Reboot the guest from within, and wait until it can be logged in to again."""
    before = boot_id(transport)
    # The connection ends in the middle of this command, and on some machines before its answer.
    try:
        transport.run("sudo -n systemctl reboot --no-block", timeout=60)
    except LabError:
        if transport.is_alive():
            raise

    def look() -> str | Pending:
        transport.reconnect()
        now = boot_id(transport)
        return now if now != before else Pending("the guest has not gone down yet")

    wait_until(look, what="ssh after the reboot", deadline=deadline, tolerate=(LabError,), interval=3.0)


def wait_ready(transport: Transport, lab: Settings, *, deadline: float) -> Status:
    """Wait until every layer of the lab is ready."""

    def look() -> Status | Pending:
        status = collect(transport, RUNNING, lab)
        return status if status.ready else Pending(status.trouble)

    return wait_until(
        look, what="every layer to be ready", deadline=deadline, tolerate=(LabError,), interval=10.0
    )


def in_range(address: str, ranges: str) -> bool:
    """Whether an address is in one of MetalLB's ranges: ``FIRST-LAST`` or ``NETWORK/BITS``, with commas."""
    ip = ipaddress.ip_address(address)
    for part in ranges.split(","):
        first, dash, last = part.strip().partition("-")
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            if ip.version == low.version == high.version and int(low) <= int(ip) <= int(high):
                return True
        elif ip in ipaddress.ip_network(first, strict=False):
            return True
    return False
