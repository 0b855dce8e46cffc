"""A checkout in which the command line is run, with the machine in the test's hands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli import main
from lab.config import Settings
from lab.plan.bringup import Bringup
from lab.report.events import Notice
from lab.report.tasks import Tasks

STEP = """\
# title: Install snapd
# why: Snaps need it.
# documented: sudo apt install snapd
# layer: vm
# timeout: 60
"""


class FakeMachine:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = "running"
        self.calls: list[str] = []

    def state(self) -> str:
        return self.now

    def exists(self) -> bool:
        return (self.settings.root / ".vagrant").exists()

    def halt(self) -> None:
        self.calls.append("halt")

    def destroy(self) -> None:
        self.calls.append("destroy")

    def ssh_target(self) -> None:
        self.settings.make_state_dir()
        (self.settings.state_dir / "ssh_config").write_text("Host kubeflow\n  HostName 127.0.0.1\n")


class Lab:
    """A checkout in which `main` is run."""

    def __init__(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.root = root
        self.state = root / ".lab" / "kubeflow"
        self.out = self.err = ""
        self.machine: FakeMachine | None = None
        self.machine_state = "running"
        self._capsys = capsys
        monkeypatch.setattr("lab.vm.machine.Machine", self._machine)
        self.checked: list[object] = []
        monkeypatch.setattr(
            "lab.transport.ssh_login.check_host_key", lambda target, timeout: self.checked.append(target)
        )

    def _machine(self, settings: Settings) -> FakeMachine:
        if self.machine is None:
            self.machine = FakeMachine(settings)
        self.machine.now = self.machine_state
        return self.machine

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(arguments, program="python -m lab")
        self.out, self.err = self._capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code


@pytest.fixture
def lab(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name in [name for name in os.environ if name.startswith("LAB_")]:
        monkeypatch.delenv(name)
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision" / "10-snapd.sh").write_text(STEP)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("lab.vm.accelerator.name", lambda _provider: "qemu")
    monkeypatch.chdir(tmp_path)
    return Lab(tmp_path, capsys, monkeypatch)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], list[str]]:
    """Replace the commands' work by one task."""
    called: list[str] = []

    def replace(error: BaseException | None = None) -> list[str]:
        def act(self: Bringup, command: str) -> Tasks:
            called.append(command)
            tasks = self._make_tasks(command, 1)
            tasks.emit(Notice("a word"))
            with tasks.task("vm", "Start the virtual machine"):
                if error:
                    raise error
            return tasks

        monkeypatch.setattr(Bringup, "up", lambda self: act(self, "up"))
        monkeypatch.setattr(Bringup, "provision", lambda self: act(self, "provision"))
        monkeypatch.setattr(Bringup, "reset", lambda self, again: act(self, f"reset {again}"))
        return called

    return replace
