"""The machine asks Vagrant for what is needed, and for nothing else."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from lab.config import Settings
from lab.errors import HostError, VMError
from lab.vm import Machine
from tests.unit.vm.conftest import FakeVagrant


@pytest.fixture
def machine(settings: Settings, vagrant: FakeVagrant) -> Machine:
    return Machine(settings, runner=vagrant)


def test_a_machine_that_is_not_there_costs_nothing(machine: Machine, vagrant: FakeVagrant) -> None:
    assert machine.state() == "not_created"
    assert not machine.exists()
    machine.halt()
    machine.destroy()
    assert vagrant.calls == []
    with pytest.raises(VMError, match="has no machine"):
        machine.ssh_target()


def test_life(machine: Machine, vagrant: FakeVagrant, settings: Settings) -> None:
    lines: list[str] = []
    machine.up(on_line=lines.append)
    assert lines == ["Creating domain with the following settings...", "Starting domain."]
    assert machine.state() == "running"
    machine.reboot()
    machine.halt()
    assert machine.state() == "poweroff"
    machine.destroy()
    assert machine.state() == "not_created"
    assert not (settings.state_dir / "ssh_config").exists()
    assert [call[0] for call in vagrant.calls] == [
        *("up", "ssh-config", "status", "reload", "halt", "status", "destroy")
    ]
    assert min(vagrant.timeouts) >= 60


def test_a_machine_that_answers_runs(machine: Machine, vagrant: FakeVagrant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        vagrant.port = server.getsockname()[1]
        machine.up()
        vagrant.calls.clear()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-paper\r\n")

        guest = threading.Thread(target=answer)
        guest.start()
        assert machine.state() == "running"
        guest.join()
    assert vagrant.calls == []


def test_the_login_is_remembered(machine: Machine, vagrant: FakeVagrant, settings: Settings) -> None:
    machine.up()
    vagrant.calls.clear()
    target = machine.ssh_target()
    assert (target.port, target.key_file) == (vagrant.port, vagrant.data / "private_key")
    assert vagrant.calls == []
    ssh_config = settings.state_dir / "ssh_config"
    assert ssh_config.stat().st_mode & 0o777 == 0o600
    assert target.known_hosts == settings.state_dir / "known_hosts"
    # It is of a time before host keys were pinned.
    ssh_config.write_text(ssh_config.read_text().replace(str(target.known_hosts), "/dev/null"))
    assert machine.ssh_target() == target
    assert [call[0] for call in vagrant.calls] == ["ssh-config"]
    vagrant.calls.clear()
    # Somebody made the machine anew by plain `vagrant`.
    os.utime(ssh_config, (1, 1))
    assert machine.ssh_target() == target
    assert [call[0] for call in vagrant.calls] == ["ssh-config"]
    # A file that was damaged is asked for again.
    ssh_config.write_text("Host kubeflow\n")
    assert machine.ssh_target() == target


def test_a_key_that_a_vagrant_of_before_changed_is_asked_for(
    machine: Machine, vagrant: FakeVagrant, settings: Settings
) -> None:
    machine.up()
    vagrant.calls.clear()
    key = vagrant.data / "private_key"
    moved = key.rename(settings.state_dir / "id_ed25519")
    key.symlink_to(moved)
    past = (settings.state_dir / "ssh_config").stat().st_mtime - 60
    os.utime(moved, (past, past))
    os.utime(key, (past + 120, past + 120), follow_symlinks=False)
    machine.ssh_target()
    assert [call[0] for call in vagrant.calls] == ["ssh-config"], "the link is newer than what is remembered"


def test_the_vagrantfile_is_told_what_was_decided(
    machine: Machine, vagrant: FakeVagrant, tmp_path: Path
) -> None:
    machine.up()
    told = {key: value for key, value in vagrant.environment.items() if key.startswith("LAB_")}
    assert told == {
        "LAB_NAME": "kubeflow",
        "LAB_EDITION": "rehearsal",
        "LAB_PROVIDER": "libvirt",
        "LAB_CPUS": "3",
        "LAB_MEMORY_MIB": "6144",
        "LAB_DISK_GIB": "20",
        "LAB_BUNDLE": str(tmp_path / "bundle"),
        "LAB_PORTS_HTTP": "8080",
    }


def test_failures_keep_vagrants_words(machine: Machine, vagrant: FakeVagrant, settings: Settings) -> None:
    vagrant.fail = "==> up\nqemu: Could not set up host forwarding rule 'tcp:127.0.0.1:20022-:22'\n"
    with pytest.raises(
        VMError, match=r"'vagrant up' failed with exit code 1:\n.*\nqemu: Could not"
    ) as caught:
        machine.up()
    assert caught.value.hint.startswith("Known issue KI-PORT-TAKEN: ")
    assert "set ports.ssh in lab.yaml" in caught.value.hint
    assert caught.value.log == settings.state_dir / "vagrant.log"


LOCKED = """\
An action 'up' was attempted on the machine 'kubeflow',
but another process is already executing an action on the machine.
Vagrant locks each machine for access by only one process at a time.
"""


def test_a_vagrant_that_was_left_behind_is_waited_for(settings: Settings, vagrant: FakeVagrant) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        vagrant.fail = LOCKED if len(slept) < 3 else ""

    vagrant.fail = LOCKED
    lines: list[str] = []
    Machine(settings, runner=vagrant, sleep=sleep).up(on_line=lines.append)
    assert len(slept) == 3
    assert lines[0] == "Waiting until another Vagrant has ended that works on this machine."
    assert [call[0] for call in vagrant.calls] == ["up", "up", "up", "up", "ssh-config"]


def test_but_not_for_ever(settings: Settings, vagrant: FakeVagrant) -> None:
    slept: list[float] = []
    vagrant.fail = LOCKED
    with pytest.raises(VMError, match="already executing an action") as caught:
        Machine(settings, runner=vagrant, sleep=slept.append).up()
    assert sum(slept) == 1200
    assert "ps -ef | grep vagrant" in caught.value.hint


def test_what_a_killed_up_began_is_destroyed_too(machine: Machine, vagrant: FakeVagrant) -> None:
    vagrant.data.mkdir(parents=True)
    machine.destroy()
    assert vagrant.calls == [("destroy", "kubeflow", "--force")]


def test_vagrant_is_not_installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vagrant.get_vagrant_executable", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HostError, match="'vagrant' was not found"):
        Machine(settings).up()


def test_a_state_that_nobody_names(machine: Machine, vagrant: FakeVagrant) -> None:
    machine.up()

    vagrant.state = ""
    with pytest.raises(VMError, match="does not say"):
        machine.state()
