"""Programs, and libvirt's session."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import HostError
from lab.probes.host import programs as look
from lab.probes.host.session import Session, is_mine, libvirt, sockets
from lab.process import Result

Make = Callable[[Mapping[str, tuple[int, str, str]]], Any]
VIRSH = "virsh -c qemu:///session version"
VERSION = "Compiled against library: libvirt 9.0.0\nUsing library: libvirt 9.0.1\nUsing API: QEMU 9.0.0\n"


def test_the_python_that_runs() -> None:
    [finding] = look.python()
    assert finding.found.startswith("3.")


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ("Vagrant 2.4.1\n", "ok", "2.4.1"),
        ("Vagrant 2.2.19\n", "warning", "older than what the lab is tried with (2.3.4)"),
    ],
)
def test_vagrant(programs: Make, answer: str, level: str, words: str) -> None:
    host = programs({"vagrant --version": (0, answer, "")})
    [finding] = look.vagrant(host, host.find)
    assert (finding.level, words in finding.found) == (level, True)


@pytest.mark.parametrize("check", [look.vagrant, look.qemu, look.virtualbox])
def test_a_program_is_missing(programs: Make, check: Callable[..., Any]) -> None:
    host = programs({})
    [finding] = check(host, host.find)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-125")
    assert "install" in finding.advice.lower()


def test_setup_is_named(programs: Make) -> None:
    host = programs({})
    [finding] = look.vagrant(host, host.find)
    assert "scripts/setup-host.sh" in finding.advice


def test_a_program_is_broken(programs: Make) -> None:
    host = programs({"vagrant --version": (1, "", "ruby: not found\n")})
    with pytest.raises(HostError, match="ruby: not found") as caught:
        list(look.vagrant(host, host.find))
    assert caught.value.code == "LAB-HOST-125"


@pytest.mark.parametrize(
    ("listed", "level"),
    [
        ("vagrant-libvirt (0.11.2, system)\n", "ok"),
        ("vagrant-disksize (0.1.3)\nvagrant-libvirt (0.12.2, global)\n  - Version Constraint: > 0\n", "ok"),
        ("vagrant-libvirt (0.7.0, system)\n", "warning"),
        ("No plugins installed.\n", "failure"),
    ],
)
def test_the_plugin(programs: Make, listed: str, level: str) -> None:
    host = programs({"vagrant plugin list": (0, listed, "")})
    [finding] = look.plugin(host, host.find)
    assert finding.level == level
    assert host.environments == [{"VAGRANT_CWD": "/"}]


def test_no_plugin_without_vagrant(programs: Make) -> None:
    host = programs({})
    assert list(look.plugin(host, host.find)) == []


def test_ssh(programs: Make) -> None:
    [finding] = look.ssh(lambda _name: "/usr/bin/ssh")
    assert finding.level == "ok"
    [finding] = look.ssh(lambda _name: None)
    assert finding.level == "warning"


def test_a_login_has_its_own_directory() -> None:
    environ = {"HOME": "/home/x", "XDG_RUNTIME_DIR": "/run/user/1000"}
    session = Session.of(environ, 1000, mine=lambda _path: True)
    assert session.environment == {"XDG_RUNTIME_DIR": "/run/user/1000"}
    assert session.prefix == ()
    [finding] = sockets(session)
    assert (finding.level, "of 107 bytes" in finding.found) == ("ok", True)


def test_root_takes_a_directory_of_its_own_and_leaves_root(tmp_path: Path) -> None:
    session = Session.of({"HOME": "/root", "XDG_RUNTIME_DIR": "/run/user/0"}, 0, mine=lambda _path: True)
    assert session.environment == {"XDG_RUNTIME_DIR": "/tmp/kflab-0"}
    assert session.prefix[0] == "unshare"


def test_a_long_home_is_made_short(tmp_path: Path) -> None:
    session = Session.of({"HOME": "/home/" + "x" * 60}, 4711, mine=lambda _path: False)
    assert session.environment == {
        "XDG_RUNTIME_DIR": "/tmp/kflab-4711",
        "XDG_CONFIG_HOME": "/tmp/kflab-4711/c",
    }
    [finding] = sockets(session, mine=lambda _path: True)
    assert finding.level == "ok"
    assert "a link" in finding.found


def test_somebody_else_has_the_directory(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o755)
    session = Session(4711, own, own, tmp_path, tmp_path)
    [finding] = sockets(session)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-127")


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    long = Path("/" + "x" * 90)
    [finding] = sockets(Session(4711, tmp_path, long, tmp_path, tmp_path))
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-127")


def test_the_directory_and_the_link_are_made(tmp_path: Path) -> None:
    own, real = tmp_path / "own", tmp_path / "config"
    session = Session(os.getuid(), own, own, own / "c", real)
    session.prepare()
    session.prepare()
    assert is_mine(own)
    assert (own / "c").resolve() == real
    assert not is_mine(own / "c"), "a link may lead anywhere"
    assert not is_mine(tmp_path / "none")


def session_of(directory: Path, uid: int = 1000) -> Session:
    return Session(uid, directory / "own", directory, directory, directory)


def test_libvirt_answers(programs: Make, tmp_path: Path) -> None:
    host = programs({VIRSH: (0, VERSION, "")})
    [finding] = libvirt(session_of(tmp_path), host, host.find)
    assert (finding.level, finding.found) == ("ok", "9.0.1; qemu:///session answers")
    assert host.environments == [{"XDG_RUNTIME_DIR": str(tmp_path)}]


def test_libvirt_does_not_start(programs: Make, tmp_path: Path) -> None:
    said = "error: failed to connect to the hypervisor\nerror: No such socket: '/x'\n"
    host = programs({f"unshare --user --map-user=1000 --map-group=1000 -- {VIRSH}": (1, "", said)})
    [finding] = libvirt(session_of(tmp_path, uid=0), host, host.find)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-128")
    assert finding.found.endswith("No such socket: '/x'")
    assert "/usr/sbin/libvirtd" in finding.advice
    assert f"XDG_RUNTIME_DIR={tmp_path}" in finding.advice


def test_libvirt_that_is_ending_is_asked_again(programs: Make, tmp_path: Path) -> None:
    host = programs({VIRSH: (0, VERSION, "")})
    answers = iter([Result((VIRSH,), 1, "", "error: Cannot recv data: Connection reset by peer\n", 0.0)])

    def ask(argv: Sequence[str], **options: Any) -> Result:
        return next(answers, None) or cast(Result, host(argv, **options))

    [finding] = libvirt(session_of(tmp_path), ask, host.find)
    assert finding.level == "ok"


def test_libvirt_hangs(tmp_path: Path) -> None:
    def hang(*_: object, **__: object) -> Any:
        raise HostError("'virsh' did not end within 20 s", code="LAB-HOST-102")

    [finding] = libvirt(session_of(tmp_path), hang, lambda name: name)
    assert (finding.level, "within 20 s" in finding.found) == ("failure", True)


def test_without_virsh_nobody_can_ask(programs: Make, tmp_path: Path) -> None:
    host = programs({})
    [finding] = libvirt(session_of(tmp_path), host, host.find)
    assert finding.level == "warning"
