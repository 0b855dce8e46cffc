"""Processors, memory, acceleration and disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings
from lab.errors import HostError
from lab.probes.host.acceleration import acceleration
from lab.probes.host.disk import GIB, Place, Space, disk, image_dir, places, read_space, writable
from lab.probes.host.resources import Memory, memory, processors, read_memory
from lab.vm.accelerator import Acceleration
from tests.boxes import make_box

Make = Callable[..., Settings]
MEMINFO = "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nHugePages_Total: 0\nSwapTotal: 1024 kB\n"


@pytest.mark.parametrize(
    ("cpus", "count", "level", "words"),
    [
        (4, 8, "ok", "8 processors; the VM gets 4"),
        (4, 2, "warning", "2 processors; the VM gets 4"),
        (2, 2, "warning", "the edition asks for 4"),
    ],
)
def test_processors(settings: Make, cpus: int, count: int, level: str, words: str) -> None:
    [finding] = processors(settings(cpus=cpus), count)
    assert (finding.level, words in finding.found) == (level, True)


@pytest.mark.parametrize(
    ("mib", "there", "running", "level"),
    [
        (32768, Memory(65536, 40000), False, "ok"),
        (32768, Memory(65536, 20000), False, "warning"),
        (32768, Memory(65536, 20000), True, "ok"),
        (32768, Memory(16384, 16000), False, "failure"),
        (16384, Memory(65536, 40000), False, "warning"),
        (32768, Memory(65536, None), False, "ok"),
        (32768, Memory(None, None), False, "warning"),
    ],
)
def test_memory(settings: Make, mib: int, there: Memory, running: bool, level: str) -> None:
    [finding] = memory(settings(memory_mib=mib), there, running=running)
    assert finding.level == level
    assert (finding.code == "LAB-HOST-121") == (level == "failure")


def test_memory_is_read(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    assert read_memory(tmp_path / "meminfo") == Memory(8193, 4096)
    assert read_memory(tmp_path / "none").available is None


def test_acceleration() -> None:
    [finding] = acceleration(lambda: Acceleration("kvm", "a guest ran"))
    assert (finding.level, finding.found) == ("ok", "KVM: a guest ran")
    [finding] = acceleration(lambda: Acceleration("qemu", "there is no /dev/kvm"))
    assert finding.level == "warning"
    assert "there is no /dev/kvm" in finding.found


def test_acceleration_without_qemu() -> None:
    def fail() -> Acceleration:
        raise HostError("no QEMU", code="LAB-HOST-111")

    with pytest.raises(HostError):
        list(acceleration(fail))


@pytest.mark.parametrize(("free", "level"), [(3, "failure"), (5, "warning"), (9, "ok")])
def test_the_places_of_a_file_system_are_added_up(free: int, level: str) -> None:
    here = [Place("images", Path("/a"), 3 * GIB, 5 * GIB), Place("cache", Path("/b"), GIB, GIB)]
    [finding] = disk(here, lambda _path: Space(1, Path("/"), free * GIB))
    assert (finding.level, finding.id) == (level, "disk-images")
    assert f"{free}.0 GiB" in finding.found
    assert "/a" in finding.found
    assert "/b" in finding.found


def test_each_file_system_is_judged_alone() -> None:
    here = [Place("images", Path("/a"), GIB, GIB), Place("cache", Path("/b"), GIB, GIB)]
    found = list(disk(here, lambda path: Space(hash(path), path, 0 if path.name == "b" else 2 * GIB)))
    assert [(finding.id, finding.level) for finding in found] == [
        ("disk-images", "ok"),
        ("disk-cache", "failure"),
    ]


def test_a_directory_yet_to_be_made_is_on_a_disk(tmp_path: Path) -> None:
    space = read_space(tmp_path / "not" / "yet")
    assert space.device == tmp_path.stat().st_dev
    assert tmp_path.is_relative_to(space.mount)
    assert space.free > 0
    assert writable(tmp_path / "not" / "yet")


def test_a_vm_that_is_there_has_its_disk_already(settings: Make) -> None:
    environ = {"HOME": "/home/x", "VAGRANT_HOME": "/big/vagrant"}
    new = {place.what: place for place in places(settings(), environ, created=False)}
    old = {place.what: place for place in places(settings(), environ, created=True)}
    assert new["images of VMs"].least == 60 * GIB
    assert old["images of VMs"].least == GIB
    assert new["images of VMs"].path == Path("/home/x/.local/share/libvirt/images")
    assert new["boxes of Vagrant"].path == Path("/big/vagrant")


def test_a_box_that_was_packed_is_copied_three_times(settings: Make, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    box = make_box(tmp_path / "lesson.box", image=b"x" * 100_000)
    size = box.stat().st_size
    plain, boxed = (
        {place.what: place.least for place in places(lab, environ, created=False)}
        for lab in (settings(edition="rehearsal"), settings(edition="rehearsal", box=box))
    )
    assert boxed["boxes of Vagrant"] == 2 * size
    assert boxed["images of VMs"] == plain["images of VMs"] + size
    later = places(settings(edition="rehearsal", box=box), environ, created=True)
    assert {place.what: place.least for place in later}["boxes of Vagrant"] == 0


def test_the_pool_may_be_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / ".config/libvirt/storage/default.xml"
    file.parent.mkdir(parents=True)
    file.write_text("<pool type='dir'><target>\n<path>/big/images</path></target></pool>")
    assert image_dir("libvirt", tmp_path) == Path("/big/images")
    assert image_dir("virtualbox", tmp_path) == tmp_path / "VirtualBox VMs"
