"""A machine that is packed stays what it is; its copies become machines of their own."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from .conftest import PROVISION, Guest

ORIGINAL, COPY = "4c4c4544-0001", "4c4c4544-0002"
KEYS = ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub", "ssh_host_rsa_key", "ssh_host_rsa_key.pub")


@pytest.fixture
def machine(guest: Guest) -> Guest:
    """A machine with keys, a login and a password."""
    guest.file("sys/class/dmi/id/product_uuid", ORIGINAL)
    for name in KEYS:
        guest.file(f"etc/ssh/{name}", "of the original")
    (guest.home / ".ssh").mkdir()
    (guest.home / ".ssh" / "authorized_keys").write_text("ssh-ed25519 AAAA lab-kubeflow\n")
    (guest.lab / "credentials").write_text("username=admin\npassword=secret\n")
    return guest


def seal(machine: Guest) -> str:
    """Prepare a machine, and return what was said."""
    assert not machine.satisfied("seal")
    result = machine.run("seal", "apply")
    assert result.returncode == 0, result.stdout
    assert machine.satisfied("seal")
    return result.stdout


def boot(machine: Guest) -> subprocess.CompletedProcess[str]:
    """Run what the service starts."""
    program = machine.root / "usr" / "local" / "sbin" / "kubeflow-lab-new-machine"
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    environment = {
        "PATH": f"{machine.programs}:{os.environ['PATH']}",
        "FAKE": str(machine.fake),
        "FAKE_PROGRAMS": str(machine.programs),
        "LAB_ROOT": str(machine.root),
    }
    return subprocess.run(
        [str(program)], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def identity(machine: Guest) -> dict[Path, str]:
    """Return what tells a machine from others, by its files."""
    files = [*(machine.root / "etc" / "ssh").iterdir(), machine.home / ".ssh" / "authorized_keys"]
    files += [path for path in (machine.lab / "credentials",) if path.exists()]
    return {path: path.read_text() for path in files}


def test_a_machine_is_prepared_once(machine: Guest) -> None:
    seal(machine)
    unit = (machine.root / "etc/systemd/system/kubeflow-lab-new-machine.service").read_text()
    assert "Before=ssh.service ssh.socket\n" in unit
    assert "ExecStart=/usr/local/sbin/kubeflow-lab-new-machine\n" in unit
    machine.file("usr/local/sbin/kubeflow-lab-new-machine", "an older one")
    seal(machine)


def test_the_machine_itself_stays_what_it_is(machine: Guest) -> None:
    before = identity(machine)
    seal(machine)
    assert boot(machine).returncode == 0
    assert identity(machine) == before
    assert machine.satisfied("seal")


def test_a_copy_becomes_a_machine_of_its_own(machine: Guest) -> None:
    seal(machine)
    machine.file("sys/class/dmi/id/product_uuid", COPY)
    result = boot(machine)
    assert result.returncode == 0, result.stderr
    found = identity(machine)
    host_keys = {path.name: text for path, text in found.items() if path.parent.name == "ssh"}
    assert {"ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"} <= set(host_keys)
    assert not [name for name, text in host_keys.items() if "of the original" in text]
    authorized = machine.home / ".ssh" / "authorized_keys"
    assert found[authorized] == (PROVISION / "vagrant.pub").read_text()
    assert stat.S_IMODE(authorized.stat().st_mode) == 0o600
    assert machine.lab / "credentials" not in found
    # At its next start it is no copy any more.
    assert boot(machine).returncode == 0
    assert identity(machine) == found
    assert machine.satisfied("seal"), "it can be packed itself"


def test_a_copy_whose_first_start_is_cut_short_is_made_new_by_the_next(machine: Guest) -> None:
    seal(machine)
    machine.file("sys/class/dmi/id/product_uuid", COPY)
    key = machine.root / "etc" / "kubeflow-lab" / "vagrant.pub"
    text = key.read_text()
    key.unlink()
    assert boot(machine).returncode != 0
    assert not machine.satisfied("seal")
    key.write_text(text)
    assert boot(machine).returncode == 0
    assert (machine.home / ".ssh" / "authorized_keys").read_text() == text


def test_a_disk_that_cannot_hand_back_its_blocks_is_packed_all_the_same(machine: Guest) -> None:
    machine.set({"no-trim": ""})
    assert "larger than it need be" in seal(machine)


def test_a_machine_without_a_uuid_is_not_packed(machine: Guest) -> None:
    (machine.root / "sys/class/dmi/id/product_uuid").unlink()
    result = machine.run("seal", "apply")
    assert result.returncode == 1
    assert "::error This machine has no UUID" in result.stdout
