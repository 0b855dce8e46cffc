from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.errors import VMError
from lab.testing import guest
from lab.testing.waiting import wait_until
from lab.transport.base import CommandResult


@pytest.mark.parametrize(
    ("address", "ranges", "expected"),
    [
        ("10.64.140.43", "10.64.140.43-10.64.140.49", True),
        ("10.64.140.49", "10.64.140.43-10.64.140.49", True),
        ("10.64.140.50", "10.64.140.43-10.64.140.49", False),
        ("10.64.140.9", "10.64.140.0/28, 10.0.0.1-10.0.0.2", True),
        ("10.0.0.2", "10.64.140.0/28, 10.0.0.1-10.0.0.2", True),
        ("fd00::1", "10.64.140.43-10.64.140.49", False),
    ],
)
def test_ranges(address: str, ranges: str, expected: bool) -> None:
    assert guest.in_range(address, ranges) is expected


class Rebooting:
    """A guest that says another boot's ID after some logins, refusing some of them."""

    def __init__(self, logins: list[str], *, command_fails: bool = True) -> None:
        self.logins = logins
        self.now = "first"
        self.rebooted = False
        self.command_fails = command_fails

    def run(self, command: str, *, timeout: float) -> CommandResult:
        if "reboot" in command and "boot_id" not in command:
            self.rebooted = True
            if self.command_fails:
                raise VMError("connection lost", code="LAB-VM-203")
        return CommandResult(command, 0, self.now + "\n", "", 0.0)

    def is_alive(self) -> bool:
        return not self.rebooted

    def reconnect(self) -> None:
        self.now = self.logins.pop(0)
        if self.now == "refused":
            raise VMError("refused", code="LAB-VM-206")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:

    def without_pauses(check: Callable[[], object], **options: Any) -> object:
        return wait_until(check, **{**options, "interval": 0.0})

    monkeypatch.setattr("lab.testing.guest.wait_until", without_pauses)


@pytest.mark.parametrize("command_fails", [True, False])
def test_reboot_waits_for_another_boot(quick: None, command_fails: bool) -> None:
    transport: Any = Rebooting(["first", "refused", "refused", "second"], command_fails=command_fails)
    guest.reboot(transport, deadline=30)
    assert transport.rebooted
    assert transport.logins == []
