"""The walks find what is wrong, and only that."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lab.testing.security import Process, listeners, loose, processes, shown_secrets, told_secrets

SECRET = "pl4nted-secret"


def test_modes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    for path in (state, state / "logs"):
        path.chmod(0o700)
    for name, mode in (("good", 0o600), ("group", 0o640), ("all", 0o604)):
        (state / "logs" / name).touch()
        (state / "logs" / name).chmod(mode)
    (state / "link").symlink_to("logs/good")
    found = sorted(loose(state))
    assert found == [f"{state}/logs/all has mode 0604", f"{state}/logs/group has mode 0640"]
    public = [state / "logs/all", state / "logs/group"]
    assert loose(state, public=public) == []
    public[0].chmod(0o646)
    assert loose(state, public=public) == [f"{state}/logs/all has mode 0646"]
    state.chmod(0o750)
    assert f"{state} has mode 0750" in loose(state)


def test_secrets_in_files(tmp_path: Path) -> None:
    for name, mode, text in (
        *(("public", 0o644, SECRET), ("private", 0o600, SECRET)),
        *(("clean", 0o644, "nothing"), ("short", 0o644, "pw")),
    ):
        (tmp_path / name).write_text(f"x {text} y")
        (tmp_path / name).chmod(mode)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "object").write_text(SECRET)
    found = shown_secrets([tmp_path], [f"-----BEGIN KEY-----\n{SECRET}\n", "pw"])
    assert found == [f"{tmp_path}/public has a secret in it"]


def test_secrets_in_arguments() -> None:
    commands = [("juju", "login", f"--password={SECRET}"), ("juju", "status")]
    assert told_secrets(commands, [SECRET]) == ["juju has a secret in its arguments"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_listeners_of_this_process() -> None:
    me = next(process for process in processes() if process.pid == os.getpid())
    before = listeners([me])
    with socket.create_server(("127.0.0.1", 0)) as near, socket.create_server(("", 0)) as far:
        found = {listener.port: listener for listener in listeners([me]) if listener not in before}
        assert found[near.getsockname()[1]].local
        assert found[near.getsockname()[1]].address == "127.0.0.1"
        assert not found[far.getsockname()[1]].local
        assert len(found) == 2


@pytest.mark.parametrize(
    ("digits", "address", "local"),
    [
        ("0100007F", "127.0.0.1", True),
        ("00000000", "0.0.0.0", False),  # noqa: S104 - that is what has to be found
        ("0101A8C0", "192.168.1.1", False),
        ("0" * 24 + "01000000", "::1", True),
        ("0" * 32, "::", False),
        ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1", True),
    ],
)
def test_addresses(tmp_path: Path, digits: str, address: str, local: bool) -> None:
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "fd" / "3").symlink_to("socket:[99]")
    (tmp_path / "7" / "net").mkdir()
    row = "   0: {}:1F90 00000000:0000 {} 00000000:00000000 00:00000000 00000000 0 0 {} 1\n"
    table = (
        "head\n" + row.format(digits, "0A", 99) + row.format(digits, "01", 99) + row.format(digits, "0A", 5)
    )
    (tmp_path / "7" / "net" / ("tcp" if len(digits) == 8 else "tcp6")).write_text(table)
    [found] = listeners([Process(7, ("/usr/bin/qemu",))], tmp_path)
    assert (found.process.program, found.port, found.local) == ("qemu", 8080, local)
    assert found.address in (address, "::ffff:7f00:1")
