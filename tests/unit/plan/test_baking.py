"""`lab bake`: what is looked at, what is packed, and what is left when it goes wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lab.editions.baked import verify_baked
from lab.errors import HostError, LabError, UsageError, VMError
from lab.plan.baking import Baking
from lab.vm.packing import write_box
from tests.unit.plan.conftest import Answer, FakeGuest
from tests.unit.plan.test_recovery import KUBECONFIG, NOW, Rig, status


class Packer:
    """Packs a disk of a few bytes."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.raises: BaseException | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def pack_image(self, disk: Path, image: Path) -> int:
        assert self.rig.machine.now == "poweroff", "half of what it writes would be in the image"
        image.write_bytes(disk.read_bytes())
        if self.raises:
            raise self.raises
        self.meanwhile()
        return 20

    def write_box(self, target: Path, image: Path, *, virtual_gib: int, texts: Mapping[str, str]) -> None:
        write_box(target, image, virtual_gib=virtual_gib, texts=texts)


class Kitchen(Rig):
    """A lab that can be packed."""

    def __init__(self, root: Path, guest: FakeGuest) -> None:
        super().__init__(root, guest)
        # Where the versions come from is written down with them.
        self.settings = self.settings.model_copy(update={"bundle": None})
        self.disk = root / "disk.img"
        self.disk.write_bytes(b"disk")
        self.packer = Packer(self)
        self.box = root / "lesson.box"
        self.taken = 1 << 20

    def bake(self, *, force: bool = False, stay_off: bool = False) -> str:
        baking = Baking(self.settings, self.ways, self.tasks, self.packer, taken=lambda _disk: self.taken)
        return baking.bake(self.box, force=force, stay_off=stay_off)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.box.parent.iterdir() if "box" in path.name)


@pytest.fixture
def kitchen(tmp_path: Path, guest: FakeGuest) -> Kitchen:
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "provision").mkdir()
    guest.files = {".kube/config": KUBECONFIG}
    guest.on("heal", "apply", 0)
    guest.on("seal", "apply", 0)
    return Kitchen(tmp_path, guest)


def test_a_lab_becomes_a_box_and_goes_on(kitchen: Kitchen) -> None:
    assert kitchen.bake() == "found ready: clock +0.0 s, 2/2 applications"
    assert kitchen.notices == [f"packed '{kitchen.box}': 2/2 applications, 0 MiB."]
    assert list(kitchen.outcomes) == [
        *("login", "verify", "seal", "vm-halt", "pack", "write-box"),
        *("vm", "clock", "heal", "fetch"),
    ], "login and verify a second time"
    assert kitchen.numbered_right()
    assert kitchen.machine.calls == ["halt", "up"]
    baked = verify_baked(kitchen.box, "rehearsal")
    assert (baked.created, baked.contents) == (NOW, "2/2 applications")
    assert baked.versions["guest"]["kernel"] == "6.1.0-42-amd64"
    assert kitchen.files == ["lesson.box"]


def test_it_is_left_off_if_that_is_wanted(kitchen: Kitchen) -> None:
    assert kitchen.bake(stay_off=True).endswith("; the VM is off")
    assert kitchen.machine.now == "poweroff"
    assert kitchen.numbered_right()


def test_the_machine_is_prepared_before_it_is_off(kitchen: Kitchen) -> None:
    kitchen.guest.on("seal", "apply", Answer(1, ("::error No UUID", "::hint Buy one")))
    with pytest.raises(VMError, match="No UUID") as caught:
        kitchen.bake()
    assert caught.value.code == "LAB-BAKE-010"
    assert "Buy one" in caught.value.hint
    assert kitchen.machine.now == "running"


def test_a_lab_that_is_not_ready_is_not_packed(kitchen: Kitchen) -> None:
    kitchen.found = status(ready=False)
    with pytest.raises(VMError, match="waiting for kfp-db") as caught:
        kitchen.bake()
    assert caught.value.code == "LAB-BAKE-009"
    assert kitchen.machine.calls == []


@pytest.mark.parametrize("state", ["poweroff", "saved"])
def test_a_lab_that_is_off_is_started_first(kitchen: Kitchen, state: str) -> None:
    kitchen.machine.now = state
    kitchen.bake()
    assert kitchen.machine.calls == ["up", "halt", "up"]
    assert kitchen.numbered_right()
    assert verify_baked(kitchen.box, "rehearsal")


def test_a_box_is_not_lost_by_mistake(kitchen: Kitchen) -> None:
    kitchen.box.write_text("older")
    with pytest.raises(UsageError, match="already") as caught:
        kitchen.bake()
    assert caught.value.code == "LAB-BAKE-007"
    assert kitchen.box.read_text() == "older"
    kitchen.bake(force=True)
    assert verify_baked(kitchen.box, "rehearsal")


def test_what_cannot_be_packed_is_told_before_anything_happens(kitchen: Kitchen, tmp_path: Path) -> None:
    def code() -> str:
        with pytest.raises(LabError) as caught:
            kitchen.bake()
        assert (kitchen.machine.calls, kitchen.events) == ([], [])
        return caught.value.code

    kitchen.taken = 1 << 60
    assert code() == "LAB-HOST-030", "there is not enough room"
    kitchen.taken = 1
    kitchen.box = tmp_path / "nowhere" / "lesson.box"
    assert code() == "LAB-BAKE-006"
    kitchen.box = tmp_path
    assert code() == "LAB-BAKE-006", "a directory is not replaced"
    kitchen.disk = None
    kitchen.box = tmp_path / "lesson.box"
    assert code() == "LAB-BAKE-008"
    kitchen.settings = kitchen.settings.model_copy(update={"provider": "virtualbox"})
    assert code() == "LAB-BAKE-005"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), HostError("It is full.", code="LAB-HOST-101")])
def test_an_older_box_outlives_what_goes_wrong(kitchen: Kitchen, error: BaseException) -> None:
    kitchen.box.write_text("older")
    kitchen.packer.raises = error
    with pytest.raises(LabError):
        kitchen.bake(force=True)
    assert kitchen.box.read_text() == "older"
    assert kitchen.files == ["lesson.box"]
    assert kitchen.notices[-1] == "The VM is off; `up` and `bake` start it."


def test_what_a_killed_one_left_is_cleared_away(kitchen: Kitchen) -> None:
    killed = Baking(kitchen.settings, kitchen.ways, kitchen.tasks, kitchen.packer, taken=lambda _: 0)
    leftover = killed._make_room(kitchen.box.with_name("of yesterday.box"))
    (leftover / "box.img").write_bytes(b"half")
    kitchen.bake()
    assert kitchen.files == ["lesson.box"]
    assert not (kitchen.state / "baking").exists()


def test_another_s_box_that_came_meanwhile_is_not_replaced(kitchen: Kitchen) -> None:
    kitchen.packer.meanwhile = lambda: kitchen.box.write_text("another's")
    with pytest.raises(UsageError, match="already"):
        kitchen.bake()
    assert kitchen.box.read_text() == "another's"
    assert kitchen.files == ["lesson.box"]


def test_a_machine_that_was_switched_off_is_told(kitchen: Kitchen) -> None:
    kitchen.machine.said_at_halt = ["Attempting graceful shutdown of VM...", "Halting domain..."]
    kitchen.bake()
    assert kitchen.notices[0] == "The VM did not shut down in time, and was switched off."


def test_a_disk_that_is_compressed_already_needs_twice_the_room(kitchen: Kitchen, tmp_path: Path) -> None:
    kitchen.taken = shutil.disk_usage(tmp_path).free * 2 // 3
    kitchen.settings = kitchen.settings.model_copy(update={"box": tmp_path / "first.box"})
    with pytest.raises(HostError) as caught:
        kitchen.bake()
    assert caught.value.code == "LAB-HOST-030"


def test_the_manifest_is_of_the_lab_that_was_looked_at(kitchen: Kitchen) -> None:
    kitchen.ways = replace(kitchen.ways, now=lambda: NOW.replace(microsecond=7))
    kitchen.bake()
    with kitchen.box.open("rb") as file:
        head = file.read(4096)
    info = json.loads(head[512:].split(b"\0", 1)[0])
    assert info["created"] == "2026-11-24T12:00:00+00:00"
    assert info["versions"]["lab"]["version"]
