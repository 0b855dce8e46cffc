from __future__ import annotations

from typing import Any

import pytest

from lab.errors import VMError
from lab.testing import backend
from lab.transport.base import CommandResult


class FakeTransport:
    """Answers known commands, and fails on any other."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers: dict[str, tuple[int, str, str]] = dict(answers)
        self.timeouts: list[float] = []

    def run(self, command: str, *, timeout: float) -> CommandResult:
        self.timeouts.append(timeout)
        if command not in self.answers:
            raise VMError(f"unexpected: {command}", code="LAB-VM-202")
        code, out, err = self.answers[command]
        return CommandResult(command, code, out, err, 0.0)


def test_commands_go_through_the_transport() -> None:
    transport: Any = FakeTransport()
    transport.answers["grep -c 'a b' /etc/x"] = (1, "0\n", "größer\n")
    host = backend.get_host("one", transport)
    result = host.run("grep -c %s /etc/x", "a b")
    assert (result.rc, result.stdout, result.stderr) == (1, "0\n", "größer\n")
    assert transport.timeouts == [backend.COMMAND_TIMEOUT]


def test_each_command_has_a_deadline_of_its_own() -> None:
    transport: Any = FakeTransport(sync=(0, "", ""))
    host = backend.get_host("two", transport)
    host.run("sync", timeout=7)
    assert transport.timeouts == [7]
    with pytest.raises(VMError, match="unexpected"):
        host.run("sleep 1000")


def test_modules_of_testinfra_work_on_it() -> None:
    transport: Any = FakeTransport()
    transport.answers["command -v command"] = (0, "command\n", "")
    transport.answers["command -v sysctl"] = (0, "/usr/sbin/sysctl\n", "")
    transport.answers["/usr/sbin/sysctl -n fs.inotify.max_user_instances"] = (0, "1280\n", "")
    host = backend.get_host("three", transport)
    assert host.sysctl("fs.inotify.max_user_instances") == 1280


def test_a_new_transport_takes_the_place_of_the_old_one() -> None:
    first: Any = FakeTransport(hostname=(0, "old\n", ""))
    second: Any = FakeTransport(hostname=(0, "new\n", ""))
    backend.get_host("four", first)
    assert backend.get_host("four", second).check_output("hostname") == "new"
