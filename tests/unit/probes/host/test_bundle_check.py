from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings
from lab.editions.bundle import Manifest
from lab.errors import HostError
from lab.probes.host.bundle import bundle


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    files = {"x.box": {"name": "lab/x"}, "x.iso": {"label": "LAB"}}
    entries = [{"file": name, "sha256": "0" * 64, "size": 4, **more} for name, more in files.items()]
    for name in files:
        (tmp_path / name).write_text("text")
    manifest = {
        "schema": 1,
        "edition": "rehearsal",
        "box": entries[0],
        "iso": entries[1],
        "snaps": [],
        "images": [],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_quick_look_compares_sizes(settings: Callable[..., Settings], directory: Path) -> None:
    lab = settings(edition="rehearsal")
    [finding] = bundle(lab, directory)
    assert (finding.level, "2 files, 0 MiB, sizes right" in finding.found) == ("ok", True)
    (directory / "x.iso").write_text("short"[:3])
    with pytest.raises(HostError) as caught:
        list(bundle(lab, directory))
    assert caught.value.code == "LAB-HOST-014"


def test_a_thorough_look_compares_sums(settings: Callable[..., Settings], directory: Path) -> None:
    def verify() -> Manifest:
        raise HostError("wrong", code="LAB-HOST-014")

    with pytest.raises(HostError):
        list(bundle(settings(edition="rehearsal"), directory, verify))
