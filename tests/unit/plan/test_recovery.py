"""Snapshots, suspend, resume and heal, from the command to the files on the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.errors import HostError, KubeflowError, LabError, UsageError, VMError
from lab.plan.checkpoints import Checkpoint, Checkpoints, check_name
from lab.plan.recovery import Recovery, Ways, list_checkpoints
from lab.probes.model import Item, Layer, Status
from lab.report.events import Event, Notice, Started, TaskEnded
from lab.report.tasks import Tasks
from lab.transport.base import CommandTimeout, Transport
from tests.unit.plan.conftest import Answer, Clock, FakeGuest

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KUBECONFIG = "clusters:\n- cluster:\n    server: https://10.0.2.15:16443\n"


def status(*, ready: bool = True) -> Status:
    applications = (Item("dex-auth", True), Item("kfp-db", ready, None, "error: hook failed"))
    own = Item("applications", ready, None, "1/2 active, waiting for kfp-db")
    layers = (Layer(Item("vm", True), 20), Layer(own, 60, applications))
    return Status("kubeflow", "rehearsal", "REHEARSAL", layers, NOW)


class FakeMachine:
    """A machine with snapshots; each knows whether it ran."""

    def __init__(self) -> None:
        self.now = "running"
        self.shelf: dict[str, str] = {}
        self.calls: list[str] = []
        self.said_at_halt: list[str] = []

    def state(self) -> str:
        return self.now

    def up(self, on_line: Callable[[str], None] | None = None) -> None:
        assert self.now != "not_created"
        self.calls.append("up")
        self.now = "running"

    def suspend(self, on_line: Callable[[str], None] | None = None) -> None:
        assert self.now == "running"
        self.calls.append("suspend")
        self.now = "saved"

    def halt(self, on_line: Callable[[str], None] | None = None) -> None:
        self.calls.append("halt")
        self.now = "poweroff"
        for line in self.said_at_halt:
            assert on_line
            on_line(line)

    def names(self) -> list[str]:
        return list(self.shelf)

    def save(self, name: str, *, force: bool = False, on_line: object = None) -> None:
        assert force or name not in self.shelf
        self.calls.append(f"save {name}")
        self.shelf[name] = self.now

    def restore(self, name: str, on_line: object = None) -> None:
        assert self.now != "saved", "its memory would be mixed with another disk"
        self.calls.append(f"restore {name}")
        self.now = self.shelf[name]

    def delete(self, name: str, on_line: object = None) -> None:
        self.calls.append(f"delete {name}")
        del self.shelf[name]


class Rig:
    def __init__(self, root: Path, guest: FakeGuest) -> None:
        self.guest = guest
        self.settings: Settings = load_settings(root, overrides={"edition": "rehearsal"}, environ={})
        self.state = self.settings.make_state_dir()
        self.machine = FakeMachine()
        self.found = status()
        self.disk: Path | None = None
        self.events: list[Event] = []
        self.clock = Clock()
        self.ways = Ways(
            machine=self.machine,
            snapshots=self.machine,
            connect=self.connect,
            look=lambda _transport: self.found,
            disk=lambda: self.disk,
            sizes=lambda _disk: {"lesson-1": 1500 << 20},
            now=lambda: NOW,
        )
        self.recovery = Recovery(self.settings, self.ways, self.tasks)

    def connect(self) -> Transport:
        assert self.machine.now == "running", "nobody answers"
        self.clock.sleep(5.0)
        return self.guest

    def tasks(self, command: str, total: int) -> Tasks:
        self.events.clear()
        return Tasks(
            self.events.append, title=command, banner="", total=total, again=command, clock=self.clock
        )

    @property
    def outcomes(self) -> dict[str, str]:
        return {event.name: event.outcome for event in self.events if isinstance(event, TaskEnded)}

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]

    def numbered_right(self) -> bool:
        started = next(event for event in self.events if isinstance(event, Started))
        last = [event for event in self.events if isinstance(event, TaskEnded)][-1]
        return last.index == last.total == started.total


@pytest.fixture
def rig(tmp_path: Path, guest: FakeGuest) -> Rig:
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "provision").mkdir()
    guest.files = {".kube/config": KUBECONFIG, ".kubeflow-lab/credentials": "username=u\npassword=p\n"}
    guest.on("heal", "apply", 0)
    return Rig(tmp_path, guest)


def test_a_snapshot_and_the_way_back(rig: Rig) -> None:
    rig.disk = rig.settings.root / "disk.img"
    (rig.state / "journal.json").write_text("then")
    rig.guest.clock_ahead = -3.0
    assert rig.recovery.save("lesson-1") == "saved 'lesson-1' ready: 2/2 applications"
    assert list(rig.outcomes) == ["verify", "save", "clock"]
    assert rig.numbered_right()
    assert abs(rig.guest.clock_ahead) < 0.5, "it stood still while the memory was written"
    saved = json.loads((rig.state / "snapshots" / "lesson-1.json").read_text())
    assert saved == {
        "schema": 1,
        "name": "lesson-1",
        "created": "2026-11-24T12:00:00+00:00",
        "edition": "rehearsal",
        "machine": "running",
        "ready": True,
        "trouble": "",
        "contents": "2/2 applications",
        "size": 1500 << 20,
    }

    (rig.state / "journal.json").write_text("now")
    (rig.state / "lab.lock").write_text("of a later version")
    rig.guest.clock_ahead = -7200.0
    assert rig.recovery.restore("lesson-1") == "restored ready: clock +0.0 s, 2/2 applications, 5 s"
    assert list(rig.outcomes) == ["restore", "vm", "login", "clock", "heal", "verify", "fetch"]
    assert rig.numbered_right()
    assert rig.outcomes["heal"] == "satisfied"
    assert rig.notices == ["The VM's clock was 2 h 00 min behind; it is set."]
    assert (rig.state / "journal.json").read_text() == "then"
    assert not (rig.state / "lab.lock").exists()
    assert "127.0.0.1:16443" in (rig.state / "kubeconfig").read_text()
    assert (rig.state / "credentials").read_text() == "username=u\npassword=p\n"

    assert rig.recovery.delete("lesson-1") == "removed 'lesson-1'"
    assert rig.machine.shelf == {}
    assert not any((rig.state / "snapshots" / "kept").iterdir())
    assert list((rig.state / "snapshots").glob("*.json")) == []


def test_what_was_mended_is_told(rig: Rig) -> None:
    rig.machine.shelf["lesson-1"] = "running"
    rig.guest.on("heal", "apply", Answer(0, ("::did MicroK8s was stopped: started", "::progress 3/3 ready")))
    assert rig.recovery.restore("lesson-1").startswith("restored ready: ")
    assert rig.outcomes["heal"] == "done"
    assert rig.notices == ["Mended: MicroK8s was stopped: started"]


@pytest.mark.parametrize("state", ["poweroff", "saved", "running"])
def test_what_gets_right_by_itself_takes_its_time_too(rig: Rig, state: str) -> None:
    rig.machine.now = state
    rig.guest.on(
        "heal", "apply", Answer(0, ("::waiting kube-system/coredns (Unknown)", "::progress 3/3 ready"))
    )
    assert rig.recovery.heal().startswith("found ready: ")
    ended = next(event for event in rig.events if isinstance(event, TaskEnded) and event.name == "heal")
    assert (ended.outcome, ended.fingerprint) == ("done", state)


def test_a_lab_that_was_saved_ready_has_to_get_ready(rig: Rig) -> None:
    rig.recovery.save("lesson-1")
    rig.found = status(ready=False)
    rig.guest.on("heal", "apply", Answer(1, ("::error After 25 min kfp-db is not active",)))
    with pytest.raises(KubeflowError, match=r"did not get ready \(.*kfp-db\)\. After 25 min") as caught:
        rig.recovery.restore("lesson-1")
    assert caught.value.code == "LAB-HEAL-001"
    assert caught.value.log == rig.state / "logs" / "heal.log"
    assert rig.outcomes == {
        **{"restore": "done", "vm": "satisfied", "login": "done"},
        **{"clock": "satisfied", "heal": "failed", "verify": "failed"},
    }


def test_mending_that_takes_too_long_is_an_error_too(rig: Rig) -> None:
    timeout = CommandTimeout("too long", code="LAB-VM-202")
    rig.guest.on("heal", "apply", Answer(0, ("::waiting the node kubeflow",), timeout))
    with pytest.raises(VMError, match="waiting for the node kubeflow"):
        rig.recovery.heal()


def test_a_lab_that_was_saved_half_made_is_as_it_was(rig: Rig) -> None:
    rig.found = status(ready=False)
    assert rig.recovery.save("half") == "saved 'half' as it is: 1/2 applications"
    rig.guest.files.clear()
    (rig.state / "kubeconfig").write_text("of a later state")
    sentence = rig.recovery.restore("half")
    assert sentence.startswith("restored not ready (applications: 1/2 active, waiting for kfp-db): clock +")
    assert not (rig.state / "kubeconfig").exists()
    assert rig.numbered_right()


def test_a_machine_that_was_off_is_started(rig: Rig) -> None:
    rig.machine.now = "poweroff"
    assert rig.recovery.save("off") == "saved 'off' as it is: the VM is off"
    assert list(rig.outcomes) == ["save"]
    assert rig.numbered_right()
    rig.machine.now = "running"
    rig.recovery.restore("off")
    assert rig.machine.calls == ["save off", "restore off", "up"]


def test_one_that_sleeps_is_woken_before_it_is_put_back(rig: Rig) -> None:
    rig.machine.shelf["lesson-1"] = "running"
    rig.machine.now = "saved"
    rig.recovery.restore("lesson-1")
    assert rig.machine.calls == ["up", "restore lesson-1"]


def test_sleep_and_waking(rig: Rig) -> None:
    assert rig.recovery.suspend().startswith("suspended")
    rig.guest.clock_ahead = -600.0
    assert rig.recovery.resume().startswith("resumed ready: clock +0.0 s, 2/2 applications")
    assert rig.machine.calls == ["suspend", "up"]
    assert rig.numbered_right()
    assert rig.notices == ["The VM's clock was 10 min 00 s behind; it is set."]


def test_heal_of_a_healthy_lab_does_nothing(rig: Rig) -> None:
    assert rig.recovery.heal().startswith("found ready: ")
    assert rig.machine.calls == []
    assert rig.outcomes["vm"] == rig.outcomes["clock"] == rig.outcomes["heal"] == "satisfied"


@pytest.mark.parametrize("state", ["poweroff", "saved"])
def test_heal_starts_what_is_off(rig: Rig, state: str) -> None:
    rig.machine.now = state
    rig.guest.on("heal", "apply", Answer(0, ("::did pod kubeflow/x was stuck (Unknown): made anew",)))
    assert rig.recovery.heal().startswith("healed ready: ")
    assert rig.machine.calls == ["up"]


@pytest.mark.parametrize(
    ("state", "command", "code", "hint"),
    [
        ("saved", lambda it: it.save("a"), "LAB-SNAP-003", "python -m lab resume"),
        ("running", lambda it: it.save("lesson-1"), "LAB-SNAP-004", "--force"),
        ("running", lambda it: it.save("Lesson 1"), "LAB-SNAP-001", "lower-case"),
        ("running", lambda it: it.restore("leson-1"), "LAB-SNAP-002", "Did you mean 'lesson-1'?"),
        ("running", lambda it: it.delete("other"), "LAB-SNAP-002", "Snapshots: lesson-1."),
        ("saved", lambda it: it.suspend(), "LAB-SNAP-005", "python -m lab resume"),
        ("poweroff", lambda it: it.suspend(), "LAB-SNAP-005", "python -m lab resume"),
        ("not_created", lambda it: it.save("a"), "LAB-SNAP-006", "python -m lab up"),
        ("not_created", lambda it: it.restore("a"), "LAB-SNAP-006", "python -m lab up"),
        ("not_created", lambda it: it.heal(), "LAB-SNAP-006", "python -m lab up"),
    ],
)
def test_refusals(rig: Rig, state: str, command: Callable[[Recovery], str], code: str, hint: str) -> None:
    rig.machine.shelf["lesson-1"] = "running"
    rig.machine.now = state
    with pytest.raises(LabError) as caught:
        command(rig.recovery)
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert rig.machine.calls == [], "nothing was done"


def test_force_replaces(rig: Rig) -> None:
    rig.recovery.save("lesson-1")
    rig.found = status(ready=False)
    rig.recovery.save("lesson-1", force=True)
    assert Checkpoints(rig.state).get("lesson-1").ready is False


@pytest.mark.parametrize("command", [lambda it: it.save("a"), lambda it: it.suspend()])
def test_no_room(rig: Rig, monkeypatch: pytest.MonkeyPatch, command: Callable[[Recovery], str]) -> None:
    rig.disk = rig.settings.root / "disk.img"
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 6 << 30}))
    with pytest.raises(HostError, match=r"may take 6\.0 GiB, and only 6\.0 GiB are free"):
        command(rig.recovery)
    assert rig.machine.calls == []


def test_the_list_is_the_machines_with_what_is_known(rig: Rig) -> None:
    rig.recovery.save("lesson-1")
    rig.machine.shelf["by-hand"] = "running"
    checkpoints = Checkpoints(rig.state)
    checkpoints.save(replace(checkpoints.get("lesson-1"), name="gone"))
    rig.machine.shelf["damaged"] = "running"
    (rig.state / "snapshots" / "damaged.json").write_text("[")
    assert list_checkpoints(rig.settings, rig.ways) == [
        Checkpoint("by-hand"),
        Checkpoint("damaged"),
        checkpoints.get("lesson-1"),
    ]
    rig.machine.now = "not_created"
    assert list_checkpoints(rig.settings, rig.ways) == []


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "Ä", "a/b", "../a", "a" * 41])
def test_names_that_will_not_do(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


def test_names_that_will() -> None:
    for name in ("a", "lesson-3", "2026.11_24", "a" * 40):
        assert check_name(name) == name
