"""A host that `up` refuses before it makes anything: what lab doctor finds."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.faults.command import OWN_MOUNTS, Checkout


def test_no_home(ready: Checkout) -> None:
    homeless = ready.under("env", "-u", "HOME")
    homeless.lab("up").refuses("LAB-HOST-123", 10, hint="export HOME=")
    homeless.lab("plan").succeeds()
    assert homeless.lab("status").exit_code == 20


def test_no_vagrant(ready: Checkout, tmp_path: Path) -> None:
    # All programs but one.
    (tmp_path / "bin").mkdir()
    for directory in ("/usr/sbin", "/usr/bin"):
        for program in Path(directory).iterdir():
            link = tmp_path / "bin" / program.name
            if program.name != "vagrant" and not link.is_symlink():
                link.symlink_to(program)
    without = ready.under("env", f"PATH={tmp_path}/bin")
    without.lab("up").refuses("LAB-HOST-125", 10, hint="install Vagrant")


def test_no_plugin(ready: Checkout) -> None:
    # Debian's Vagrant knows its plugins by this directory.
    hide = 'mount -t tmpfs none /usr/share/vagrant-plugins/plugins.d && exec "$@"'
    without = ready.under(*OWN_MOUNTS, hide, "sh")
    without.lab("up").refuses("LAB-HOST-126", 10, hint="vagrant-libvirt")


def test_libvirt_is_dead_and_does_not_start(ready: Checkout, tmp_path: Path) -> None:
    # Where libvirt's sockets are looked for, there is nothing; nobody else sees that.
    (tmp_path / "empty").mkdir(mode=0o700)
    hide = 'mkdir -p -m 700 /tmp/kflab-0 && mount --bind "$0" /tmp/kflab-0 && exec "$@"'
    without = ready.under(*OWN_MOUNTS, hide, str(tmp_path / "empty"), "env", "LIBVIRT_AUTOSTART=0")
    without.lab("up").refuses("LAB-HOST-128", 10, hint="libvirtd")


def test_a_port_that_is_taken(ready: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = ready.lab("up", env={"LAB_PORTS_HTTP": str(port)})
    answer.refuses("LAB-HOST-129", 10, hint="ports.http")
    assert str(port) in answer.errors
