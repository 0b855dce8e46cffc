"""Nobody else looks into the lab: files, listeners, arguments of programs, keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lab.collect import secret_values
from lab.config import cache_dir
from lab.probes.host.ports import domain
from lab.testing import security

pytestmark = pytest.mark.machine

OWN = ("libvirtd", "virtqemud", "virtlogd", "virtnetworkd")
"""What the lab's VM needs beside itself; with libvirt it runs as the lab's user."""


@pytest.fixture(scope="module")
def host_secrets(settings: Any) -> set[str]:
    found = secret_values.of_host(settings, {})
    assert found, "the lab has a key at least"
    return found


@pytest.fixture(scope="module")
def all_secrets(settings: Any, transport: Any, host_secrets: set[str]) -> set[str]:
    found = secret_values.of_files(transport, settings)
    assert found, "the VM has host keys at least"
    return host_secrets | found


def test_the_state_is_the_owners_alone(settings: Any) -> None:
    # The bundle's disk is a second name of a file that all labs of the host share, and holds no secret.
    disk = settings.state_dir / "bundle.iso"
    assert security.loose(settings.state_dir, public=[disk] if disk.exists() else []) == []


def test_no_secret_is_in_a_file_for_everybody(settings: Any, host_secrets: set[str]) -> None:
    assert security.shown_secrets([settings.root, cache_dir()], host_secrets) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_nothing_listens_for_others(settings: Any) -> None:
    name = domain(settings)
    mine = [
        process
        for process in security.processes()
        if process.pid == os.getpid()
        or (process.program in OWN and _is_mine(process.pid))
        or any(f"guest={name}" in argument.split(",") for argument in process.command)
    ]
    found = security.listeners(mine)
    if settings.provider == "libvirt":
        assert any(listener.process.program.startswith("qemu") for listener in found), "the way into the VM"
    assert [listener for listener in found if not listener.local] == []


def test_no_program_of_the_host_is_told_a_secret(all_secrets: set[str]) -> None:
    commands = [process.command for process in security.processes()]
    assert security.told_secrets(commands, all_secrets) == []


def test_no_program_of_the_guest_is_told_a_secret(host: Any, all_secrets: set[str]) -> None:
    lines = host.check_output("ps -eww -o args=").splitlines()
    assert lines
    assert security.told_secrets([line.split() for line in lines if line.strip()], all_secrets) == []


def test_the_guest_lets_only_the_labs_key_in(host: Any, settings: Any) -> None:
    keys = [line for line in host.file(".ssh/authorized_keys").content_string.splitlines() if line.strip()]
    assert "vagrant insecure public key" not in "\n".join(keys)
    public = settings.state_dir / "id_ed25519.pub"
    if public.exists():  # a lab of an older version has a key that Vagrant made
        assert keys == [public.read_text(encoding="utf-8").strip()]


def test_the_host_key_is_pinned(host: Any, settings: Any) -> None:
    pinned = (settings.state_dir / "known_hosts").read_text(encoding="utf-8").split()[2]
    assert pinned in host.check_output("cat /etc/ssh/ssh_host_*_key.pub")


def _is_mine(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == os.getuid()
    except FileNotFoundError:
        return False
