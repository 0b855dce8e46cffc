"""Boxes that `lab bake` has packed: what is believed of them, and what a lab that is made from one is."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.config import load_settings
from lab.editions.baked import check_baked, read_baked, verify_baked
from lab.errors import HostError
from lab.record import read_record
from tests.boxes import PACKED, make_box


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return make_box(tmp_path / "lesson.box", image=b"0123456789" * 300_000)


def test_a_box_says_what_is_in_it(box: Path) -> None:
    baked = read_baked(box)
    assert (baked.edition, baked.contents, baked.created) == ("rehearsal", "20/20 applications", PACKED)
    assert baked.name == f"lab/baked-rehearsal-{baked.image.sha256[:12]}"
    assert baked.versions["kubernetes"]["version"] == "v1.29.9"


def test_vagrant_and_its_plugin_find_what_they_look_for(box: Path) -> None:
    with tarfile.open(box) as tar:
        assert tar.getnames() == ["info.json", "metadata.json", "box.img"]
        metadata = tar.extractfile("metadata.json")
        assert metadata
        assert json.load(metadata) == {"provider": "libvirt", "format": "qcow2", "virtual_size": 20}


def test_the_whole_image_is_compared(box: Path) -> None:
    assert verify_baked(box, "rehearsal")
    with box.open("r+b") as file:
        file.seek(-20_000, io.SEEK_END)
        file.write(b"x")
    assert check_baked(box, "rehearsal"), "a look at its beginning does not see it"
    with pytest.raises(HostError, match="another sum") as caught:
        verify_baked(box, "rehearsal")
    assert caught.value.code == "LAB-BAKE-004"


def test_a_copy_that_was_cut_short_is_damaged(box: Path) -> None:
    with box.open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(HostError, match="damaged") as caught:
        verify_baked(box, "rehearsal")
    assert caught.value.code == "LAB-BAKE-004"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no archive at all" * 100, "invalid header"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "some.box"
    file.write_bytes(content)
    with pytest.raises(HostError, match=reason) as caught:
        read_baked(file)
    assert caught.value.code == "LAB-BAKE-002"


@pytest.mark.parametrize("wrong", ["name", "contents", "created"])
def test_a_manifest_that_lacks_something(tmp_path: Path, wrong: str) -> None:
    info: dict[str, Any] = {wrong: None}
    with pytest.raises(HostError, match=wrong) as caught:
        read_baked(make_box(tmp_path / "some.box", **info))
    assert caught.value.code == "LAB-BAKE-002"


def test_other_boxes_of_vagrant_are_no_labs(tmp_path: Path) -> None:
    file = tmp_path / "debian.box"
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("metadata.json"))
    with pytest.raises(HostError, match="does not begin with info") as caught:
        read_baked(file)
    assert caught.value.code == "LAB-BAKE-002"


def test_a_later_format_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="it has the format 2, not 1"):
        read_baked(make_box(tmp_path / "some.box", schema=2))


def test_a_box_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="There is no box") as caught:
        read_baked(tmp_path / "none.box")
    assert caught.value.code == "LAB-BAKE-001"


def test_another_edition(box: Path) -> None:
    with pytest.raises(HostError, match="of the edition 'rehearsal', not 'kubeflow-1") as caught:
        verify_baked(box, "kubeflow-1.8")
    assert caught.value.code == "LAB-BAKE-003"
    assert "--edition rehearsal" in caught.value.hint


@pytest.mark.parametrize(
    ("age", "told", "stale"),
    [
        (timedelta(hours=20), "packed today", False),
        (timedelta(days=1, hours=3), "packed 1 day ago", False),
        (timedelta(days=30), "packed 30 days ago", False),
        (timedelta(days=31), "packed 31 days ago", True),
    ],
)
def test_a_box_gets_old(box: Path, age: timedelta, told: str, stale: bool) -> None:
    baked = read_baked(box)
    assert baked.age(PACKED + age) == told
    assert baked.is_stale(PACKED + age) == stale


def test_a_box_decides_the_edition_where_nobody_does(tmp_path: Path, box: Path) -> None:
    def edition(**environ: str) -> str:
        return load_settings(tmp_path, overrides={}, environ={"LAB_BOX": str(box), **environ}).edition.name

    assert edition() == "rehearsal"
    assert edition(LAB_EDITION="kubeflow-1.10") == "kubeflow-1.10", "`up` tells that they differ"
    (tmp_path / "lab.yaml").write_text("edition: kubeflow-1.9\n")
    assert edition() == "kubeflow-1.9"


def test_where_a_box_is(tmp_path: Path, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # A path of the file is seen from the file, one of a flag from where one is; a link may change.
    (tmp_path / "elsewhere" / "latest.box").symlink_to(box)
    assert load_settings(tmp_path, overrides={"box": "latest.box"}, environ={}).box == box
    (tmp_path / "lab.yaml").write_text("box: lesson.box\n")
    assert load_settings(tmp_path, overrides={}, environ={}).box == box
    assert load_settings(tmp_path, overrides={"box": "none"}, environ={"LAB_EDITION": "rehearsal"}).box == (
        tmp_path / "elsewhere" / "none"
    )


def test_a_lab_remembers_its_box(tmp_path: Path, box: Path) -> None:
    settings = load_settings(tmp_path, overrides={"box": str(box)}, environ={})
    settings.remember(box=box)
    assert read_record(settings.state_dir)["box"] == str(box)
    box.unlink()
    later = load_settings(tmp_path, overrides={}, environ={})
    assert (later.box, later.edition.name) == (box, "rehearsal")


def test_a_box_that_is_gone_concerns_only_who_wants_to_make_a_lab_of_it(tmp_path: Path) -> None:
    environ = {"LAB_BOX": str(tmp_path / "none.box")}
    assert load_settings(tmp_path, overrides={}, environ=environ).edition.name == "kubeflow-1.8"
    with pytest.raises(HostError) as caught:
        load_settings(tmp_path, overrides={"box": "none.box"}, environ={})
    assert caught.value.code == "LAB-BAKE-001"


def test_a_box_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tarfile, "open", refuse)
    with pytest.raises(HostError, match="cannot be read: Permission denied") as caught:
        read_baked(tmp_path / "lesson.box")
    assert caught.value.code == "LAB-BAKE-011"
