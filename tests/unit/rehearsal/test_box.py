"""The disk's boot sectors, the one boot while it is built, and the archive that Vagrant takes."""

from __future__ import annotations

import json
import struct
import tarfile
from pathlib import Path

import pytest

from lab.errors import HostError
from rehearsal import box
from rehearsal.recipe import Job

from .conftest import FakeRunner


def core_image(size: int = 2048, second_sector: int = 2) -> bytes:
    core = bytearray(size)
    struct.pack_into("<Q", core, 500, second_sector)
    return bytes(core)


def test_boot_sectors() -> None:
    sectors = box.boot_sectors(b"B" * 512, core_image(), 20 << 30)
    assert sectors[:440] == b"B" * 440
    assert sectors[510:512] == b"\x55\xaa"
    active, _, kind, _, first, count = struct.unpack_from("<B3sB3sII", sectors, 446)
    assert (active, kind, first, first + count) == (0x80, 0x83, 2048, (20 << 30) // 512)
    assert sectors[512:] == core_image()


@pytest.mark.parametrize("core", [core_image(second_sector=7), core_image(size=2048 * 512)])
def test_a_core_image_that_does_not_fit_is_refused(core: bytes) -> None:
    with pytest.raises(ValueError, match="core image"):
        box.boot_sectors(bytes(512), core, 20 << 30)


@pytest.mark.parametrize(
    ("driver", "options"), [("kvm", "-accel kvm -cpu host"), ("qemu", "thread=multi -cpu max")]
)
def test_the_machine_is_booted_with_what_works_here(
    runner: FakeRunner, job: Job, driver: str, options: str
) -> None:
    runner.answers["sh"] = lambda argv: f"{driver}\nsome reason\n"
    runner.answers["qemu-system-x86_64"] = lambda argv: f"login:\nlab-bake[7]: {box.BAKED}\n"
    box._bake(job, Path("disk.raw"))
    assert options in " ".join(runner.calls[-1])


def test_a_machine_that_does_not_finish_its_first_boot_is_an_error(runner: FakeRunner, job: Job) -> None:
    runner.answers["sh"] = lambda argv: "qemu\nsome reason\n"
    runner.answers["qemu-system-x86_64"] = lambda argv: "Kernel panic\n"
    with pytest.raises(HostError, match="Kernel panic"):
        box._bake(job, Path("disk.raw"))


def test_the_box_is_what_vagrant_libvirt_expects(tmp_path: Path) -> None:
    (tmp_path / "box.img").write_bytes(b"image")
    box._write_box(tmp_path / "x.box", tmp_path / "box.img")
    with tarfile.open(tmp_path / "x.box") as tar:
        assert tar.getnames() == ["metadata.json", "Vagrantfile", "box.img"]
        file = tar.extractfile("metadata.json")
        assert file is not None
        assert json.load(file) == {"provider": "libvirt", "format": "qcow2", "virtual_size": box.DISK_GIB}


def test_what_goes_into_the_box_is_there() -> None:
    files = box.BOX / "files"
    assert "REHEARSAL" in (files / "etc/motd").read_text()
    hostname = (files / "etc/hostname").read_text().strip()
    assert hostname == hostname.lower()
    packages = (box.BOX / "packages.txt").read_text().split()
    assert {"snapd", "openssh-server", "conntrack", "iptables", "libseccomp2"} <= set(packages)
    assert box.BAKED in (files / "usr/local/sbin/lab-bake").read_text()
