"""The commands up, provision and reset, from settings to files on the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.config import Settings, load_settings
from lab.errors import HostError, NetworkError, VMError
from lab.plan.bringup import Bringup, Doors, fetch_access
from lab.plan.selection import Selection
from lab.plan.step import Step
from lab.record import read_record
from lab.report.events import Event, Expected, Notice, Output, Started, TaskEnded, TaskStarted
from lab.report.tasks import Tasks

if TYPE_CHECKING:
    from tests.unit.plan.conftest import FakeGuest

STEP = Step("10-snapd", Path("10-snapd.sh"), "Install snapd", "Why", (), "vm", 60)
KUBECONFIG = "clusters:\n- cluster:\n    server: https://10.0.2.15:16443\n"


class FakeMachine:
    def __init__(self, state: str) -> None:
        self.now = state
        self.calls: list[str] = []

    def state(self) -> str:
        return self.now

    def up(self, on_line: Callable[[str], None] | None = None) -> None:
        self.calls.append("up")
        assert on_line
        on_line("==> default: Waiting for domain to get an IP address...")
        self.now = "running"


class Rig:
    def __init__(
        self,
        root: Path,
        guest: FakeGuest,
        edition: str,
        state: str,
        *,
        to_the_end: bool = True,
        box: str | None = None,
    ) -> None:
        self.guest = guest
        self.settings: Settings = load_settings(
            root, overrides={"edition": edition, "bundle": str(root / "bundle"), "box": box}, environ={}
        )
        self.machine = FakeMachine(state)
        self.events: list[Event] = []
        self.asked: list[str] = []
        self.refuse: Exception | None = None
        doors = Doors(self.machine, lambda: guest, self.preflight, self.bundle, self.box)
        self.bringup = Bringup(self.settings, Selection((STEP,), to_the_end), doors, self.tasks)

    def preflight(self, state: str, tell: Callable[[str], None]) -> None:
        self.asked.append(f"host of {state}")
        tell("a word of warning")
        if self.refuse:
            raise self.refuse

    def bundle(self, on_file: Callable[[str], None]) -> None:
        self.asked.append("bundle")
        if self.refuse:
            raise self.refuse
        on_file("bundle.iso")

    def box(self) -> None:
        self.asked.append("box")
        if self.refuse:
            raise self.refuse

    def tasks(self, command: str, total: int) -> Tasks:
        return Tasks(
            self.events.append,
            title=command,
            banner=self.settings.banner,
            total=total,
            again=command,
            usual=lambda _task, _fingerprint: 10.0,
        )

    @property
    def outcomes(self) -> dict[str, str]:
        return {event.name: event.outcome for event in self.events if isinstance(event, TaskEnded)}

    def numbered_right(self) -> bool:
        started = next(event for event in self.events if isinstance(event, Started))
        last = [event for event in self.events if isinstance(event, TaskEnded)][-1]
        return last.index == last.total == started.total


@pytest.fixture
def rig(tmp_path: Path, guest: FakeGuest) -> Callable[..., Rig]:
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "provision").mkdir()
    guest.files = {".kube/config": KUBECONFIG, ".kubeflow-lab/credentials": "username=u\npassword=p\n"}
    for action, code in (("check", 1), ("apply", 0), ("ready", 0)):
        guest.on(STEP.name, action, code)
    return lambda edition="rehearsal", state="not_created", **more: Rig(
        tmp_path, guest, edition, state, **more
    )


def test_up_from_nothing(rig: Callable[..., Rig]) -> None:
    lab = rig()
    lab.bringup.up()
    assert list(lab.outcomes) == ["host", "bundle", "vm", "login", "look", "10-snapd", "fetch"]
    assert set(lab.outcomes.values()) == {"done"}
    assert lab.numbered_right()
    assert (lab.asked, lab.machine.calls) == (["host of not_created", "bundle"], ["up"])
    assert lab.guest.copied == [(lab.settings.root / "provision", ".kubeflow-lab/provision")]
    assert "export LAB_SNAP_SOURCE='bundle'\n" in lab.guest.files[".kubeflow-lab/lab.env"]
    assert lab.guest.closed
    kubeconfig = lab.settings.state_dir / "kubeconfig"
    assert "server: https://127.0.0.1:16443\n" in kubeconfig.read_text()
    credentials = lab.settings.state_dir / "credentials"
    assert credentials.read_text() == "username=u\npassword=p\n"
    assert kubeconfig.stat().st_mode & 0o777 == credentials.stat().st_mode & 0o777 == 0o600
    assert lab.settings.state_dir.stat().st_mode & 0o777 == 0o700
    assert read_record(lab.settings.state_dir)["edition"] == "rehearsal"


def test_up_records_what_it_got_and_keeps_that(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8")
    lock = lab.settings.state_dir / "lab.lock"
    lab.bringup.up()
    assert json.loads(lock.read_text())["guest"]["kernel"] == "6.1.0-42-amd64"
    lab.guest.versions = {"kernel": "7"}
    lab.guest.on(STEP.name, "check", 0)
    lab.bringup.up()
    assert json.loads(lock.read_text())["guest"]["kernel"] == "6.1.0-42-amd64"
    lab.guest.on(STEP.name, "check", 1)
    lab.bringup.up()
    assert json.loads(lock.read_text())["guest"]["kernel"] == "7"
    lab.guest.on("purge", "apply", 0)
    lab.guest.on("purge", "check", 0)
    lab.bringup.reset(again=False)
    assert not lock.exists()


def test_a_lab_that_cannot_tell_its_versions_is_up_nevertheless(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8")
    lab.guest.versions = {}
    lab.bringup.up()
    notices = [event.text for event in lab.events if isinstance(event, Notice)]
    assert notices[1:] == [
        "The versions could not be recorded: LAB-VM-301: The VM does not say which versions it has."
    ]
    assert not (lab.settings.state_dir / "lab.lock").exists()


@pytest.mark.parametrize(
    ("state", "satisfied", "tasks"),
    [("not_created", False, 7), ("running", False, 2), ("running", True, 1)],
)
def test_up_tells_what_to_expect_as_soon_as_that_is_known(
    rig: Callable[..., Rig], state: str, satisfied: bool, tasks: int
) -> None:
    lab = rig(state=state)
    if satisfied:
        lab.guest.on(STEP.name, "check", 0)
    lab.bringup.up()
    assert [event for event in lab.events if isinstance(event, Expected)] == [Expected(10.0 * tasks)]
    last = [event for event in lab.events if isinstance(event, TaskStarted)][-1]
    assert last.left_seconds == 10.0


def test_no_event_tells_a_secret(rig: Callable[..., Rig]) -> None:
    lab = rig()
    lab.guest.files[".kubeflow-lab/credentials"] = "username=u\npassword=planted-secret\n"
    lab.bringup.up()
    assert "planted-secret" in (lab.settings.state_dir / "credentials").read_text()
    assert "planted-secret" not in repr(lab.events)


def test_the_banner_stands_first(rig: Callable[..., Rig]) -> None:
    lab = rig()
    lab.bringup.up()
    assert isinstance(lab.events[0], Started)
    assert lab.events[0].banner == "REHEARSAL"


def test_up_of_a_running_lab_leaves_the_machine_alone(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running")
    lab.guest.on(STEP.name, "check", 0)
    lab.bringup.up()
    assert (lab.asked, lab.machine.calls) == (["bundle"], [])
    assert lab.outcomes["host"] == lab.outcomes["vm"] == lab.outcomes["10-snapd"] == "satisfied"


def test_a_broken_bundle_stops_before_anything_is_made(rig: Callable[..., Rig]) -> None:
    lab = rig()
    lab.refuse = HostError("There is no bundle.", code="LAB-HOST-010")
    with pytest.raises(HostError):
        lab.bringup.up()
    assert lab.machine.calls == []
    assert read_record(lab.settings.state_dir) == {}


def test_a_host_that_will_not_do_stops_before_anything_is_made(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8")
    lab.refuse = NetworkError("No store.", code="LAB-NET-001")
    with pytest.raises(NetworkError):
        lab.bringup.up()
    assert lab.machine.calls == []
    assert Notice("a word of warning") in lab.events


def test_a_lab_that_is_off_is_started_after_a_look(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8", state="shutoff")
    lab.guest.on("heal", "apply", 0)
    lab.bringup.up()
    assert lab.asked == ["host of shutoff"]
    assert lab.machine.calls == ["up"]
    assert lab.numbered_right()


@pytest.mark.parametrize("state", ["poweroff", "saved"])
def test_a_lab_that_slept_is_woken_before_its_steps(rig: Callable[..., Rig], state: str) -> None:
    lab = rig(state=state)
    lab.guest.clock_ahead = -7200.0
    lab.guest.on("heal", "apply", 1)
    lab.bringup.up()
    assert list(lab.outcomes)[2:7] == ["vm", "login", "clock", "heal", "look"]
    assert [event.fingerprint for event in lab.events if isinstance(event, TaskEnded)][5] == state
    assert lab.numbered_right()
    assert abs(lab.guest.clock_ahead) < 1
    assert lab.outcomes["10-snapd"] == "done", "what could not be mended is for the steps"


def test_a_lab_from_a_box_is_woken_before_its_steps(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8", box="/srv/lesson.box")
    lab.guest.on("heal", "apply", 0)
    lab.guest.on(STEP.name, "check", 0)
    lab.bringup.up()
    assert lab.asked == ["host of not_created", "box"]
    assert list(lab.outcomes) == ["host", "box", "vm", "login", "clock", "heal", "look", "10-snapd", "fetch"]
    assert lab.numbered_right()
    assert read_record(lab.settings.state_dir)["box"] == "/srv/lesson.box"
    assert (lab.settings.state_dir / "lab.lock").exists()


def test_a_damaged_box_stops_before_anything_is_made(rig: Callable[..., Rig]) -> None:
    lab = rig(edition="kubeflow-1.8", box="/srv/lesson.box")
    lab.preflight = lambda *_: None  # type: ignore[method-assign]
    lab.refuse = HostError("It is damaged.", code="LAB-BAKE-004")
    with pytest.raises(HostError, match="damaged"):
        lab.bringup.up()
    assert lab.machine.calls == []
    assert read_record(lab.settings.state_dir) == {}


def test_a_machine_is_what_it_was_made_from(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running", box="/srv/lesson.box")
    lab.bringup.up()
    assert lab.asked == ["bundle"]
    assert "box" not in read_record(lab.settings.state_dir)
    assert lab.numbered_right()
    lab = rig(edition="rehearsal", box="/srv/lesson.box")
    lab.guest.on("heal", "apply", 0)
    lab.bringup.up()
    lab = rig(state="running", box="/srv/another.box")
    lab.bringup.up()
    assert read_record(lab.settings.state_dir)["box"] == "/srv/lesson.box"


def test_a_clock_that_stood_still_while_the_host_slept_is_set(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running")
    lab.guest.clock_ahead = -3600.0
    lab.bringup.up()
    assert Notice("The VM's clock was 1 h 00 min behind; it is set.") in lab.events
    assert "heal apply" not in lab.guest.ran


def test_provision_starts_nothing(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running")
    lab.bringup.provision()
    assert list(lab.outcomes) == ["login", "look", "10-snapd", "fetch"]
    assert lab.numbered_right()
    assert (lab.asked, lab.machine.calls) == ([], [])


def test_a_part_of_the_sequence_brings_no_kubeconfig(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running", to_the_end=False)
    lab.guest.files.clear()
    lab.bringup.provision()
    assert list(lab.outcomes) == ["login", "look", "10-snapd"]
    assert lab.numbered_right()


def test_reset_purges_and_proves_it(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running")
    lab.bringup.up()
    lab.events.clear()
    lab.guest.ran.clear()
    lab.guest.on("purge", "apply", 0)
    lab.guest.on("purge", "check", 0)
    lab.bringup.reset(again=False)
    assert lab.guest.ran == ["purge apply", "purge check"]
    assert lab.numbered_right()
    for name in ("kubeconfig", "credentials"):
        assert not (lab.settings.state_dir / name).exists()


def test_reset_again_goes_on_with_the_sequence(rig: Callable[..., Rig]) -> None:
    lab = rig(state="running")
    lab.guest.on("purge", "apply", 0)
    lab.guest.on("purge", "check", 0)
    lab.bringup.reset(again=True)
    assert lab.guest.ran == [
        "purge apply",
        "purge check",
        "10-snapd check",
        "10-snapd apply",
        "10-snapd ready",
    ]
    assert lab.numbered_right()
    assert [event.index for event in lab.events if isinstance(event, TaskStarted)] == list(range(1, 10))


def test_leftovers_are_an_error_and_shown(rig: Callable[..., Rig], say: Callable[..., object]) -> None:
    lab = rig(state="running")
    lab.guest.on("purge", "apply", 0)
    lab.guest.on("purge", "check", say(1, ("left: interface cni0",)))  # type: ignore[arg-type]
    with pytest.raises(VMError, match="left something behind") as caught:
        lab.bringup.reset(again=True)
    assert caught.value.code == "LAB-RST-002"
    log = lab.settings.state_dir / "logs" / "purge-check.log"
    assert caught.value.log == log
    assert Output("purge-check", "left: interface cni0") in lab.events
    ended = lab.events[-1]
    assert isinstance(ended, TaskEnded)
    assert (ended.outcome, ended.tail) == ("failed", ("left: interface cni0",))
    assert "10-snapd check" not in lab.guest.ran


def test_a_purge_that_fails_says_why(rig: Callable[..., Rig], say: Callable[..., object]) -> None:
    lab = rig(state="running")
    lab.guest.on("purge", "apply", say(1, ("::error snapd is busy.",)))  # type: ignore[arg-type]
    with pytest.raises(VMError, match=r"The purge failed\. snapd is busy\.") as caught:
        lab.bringup.reset(again=False)
    assert caught.value.log == lab.settings.state_dir / "logs" / "purge.log"


def test_a_published_port_is_what_the_kubeconfig_names(tmp_path: Path, guest: FakeGuest) -> None:
    settings = load_settings(tmp_path, overrides={}, environ={"LAB_PORTS_KUBERNETES": "40443"})
    settings.make_state_dir()
    guest.files = {".kube/config": KUBECONFIG}
    assert "https://127.0.0.1:40443\n" in fetch_access(guest, settings).read_text()
    assert not (settings.state_dir / "credentials").exists()


def test_no_kubeconfig_yet(tmp_path: Path, guest: FakeGuest) -> None:
    settings = load_settings(tmp_path, overrides={}, environ={})
    with pytest.raises(HostError, match="no kubeconfig in the VM yet"):
        fetch_access(guest, settings)
