"""The disk of a machine becomes an image, and the image a box."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.process import ProcessError, Result
from lab.vm.disk import allocated
from lab.vm.packing import pack_image, write_box

GIB = 1 << 30


class FakeQemuImg:
    """Copies images of a few bytes, and knows the size of each."""

    def __init__(self, *, fail: str = "") -> None:
        self.fail = fail

    def __call__(self, argv: Sequence[str], *, timeout: float, **_: object) -> Result:
        assert timeout > 0
        if self.fail:
            return Result(tuple(argv), 1, "", self.fail, 0.1)
        told = ""
        match argv:
            case ["qemu-img", "convert", "--force-share", *how, disk, image]:
                assert how == ["-O", "qcow2", "-c", "-o", "compression_type=zstd"]
                Path(image).write_bytes(Path(disk).read_bytes())
            case ["qemu-img", "info", "--output=json", _]:
                told = json.dumps({"virtual-size": 20 * GIB + 1, "actual-size": 5})
            case ["qemu-img", "info", "--force-share", "--backing-chain", "--output=json", _]:
                saved = [{"name": "lesson-1", "vm-state-size": GIB}]
                told = json.dumps([{"actual-size": 4 * GIB, "snapshots": saved}, {"actual-size": 2 * GIB}])
            case _:
                raise AssertionError(f"unexpected: {' '.join(argv)}")
        return Result(tuple(argv), 0, told, "", 0.1)


def test_a_disk_becomes_an_image(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"disk")
    assert pack_image(tmp_path / "disk", tmp_path / "box.img", runner=FakeQemuImg()) == 21
    assert (tmp_path / "box.img").read_bytes() == b"disk"


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    qemu = FakeQemuImg(fail="qemu-img: error while writing: No space left on device")
    with pytest.raises(ProcessError, match="No space left on device") as caught:
        pack_image(tmp_path / "disk", tmp_path / "box.img", runner=qemu)
    assert "disk full" in caught.value.hint


def test_what_a_disk_is_built_upon_counts_and_the_memory_in_its_snapshots_does_not(tmp_path: Path) -> None:
    assert allocated(tmp_path / "disk", runner=FakeQemuImg()) == 5 * GIB


def test_the_small_files_come_first(tmp_path: Path) -> None:
    (tmp_path / "box.img").write_bytes(b"x" * 1000)
    write_box(tmp_path / "box", tmp_path / "box.img", virtual_gib=20, texts={"info.json": '{"a": "\u00fc"}'})
    with tarfile.open(tmp_path / "box") as tar:
        assert tar.getnames() == ["info.json", "metadata.json", "box.img"]
        assert {member.mode for member in tar.getmembers()} == {0o644}
        image = tar.extractfile("box.img")
        assert image
        assert image.read() == b"x" * 1000
