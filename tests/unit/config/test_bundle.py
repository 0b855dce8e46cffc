"""A bundle is taken only if it is what its manifest says."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab.editions.bundle import load_manifest, verify_bundle
from lab.errors import HostError


def entry(bundle: Path, file: str, **more: Any) -> dict[str, Any]:
    path = bundle / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.encode() * 10)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": file, "sha256": digest, "size": path.stat().st_size, **more}


def write(bundle: Path, manifest: object) -> None:
    (bundle / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    bundle = tmp_path / "bundle"
    return {
        "schema": 1,
        "edition": "rehearsal",
        "created": "2026-01-02T03:04:05Z",
        "title": "Rehearsal",
        "box": entry(bundle, "box/rehearsal.box", name="lab/rehearsal-0123"),
        "iso": entry(bundle, "bundle.iso", label="LAB_BUNDLE"),
        "snaps": [
            entry(bundle, "snaps/microk8s.snap", name="microk8s", version="v1", classic=True, assertion=None)
        ],
        "images": [entry(bundle, "images/pause.tar", refs=["lab/pause:1"])],
    }


@pytest.fixture
def bundle(tmp_path: Path, manifest: dict[str, Any]) -> Path:
    write(tmp_path / "bundle", manifest)
    return tmp_path / "bundle"


def test_a_whole_bundle(bundle: Path, tmp_path: Path) -> None:
    read: list[str] = []
    stamp = tmp_path / "stamp"
    found = verify_bundle(bundle, "rehearsal", stamp=stamp, on_file=read.append)
    assert found.box.name == "lab/rehearsal-0123"
    assert read == ["box/rehearsal.box", "bundle.iso", "snaps/microk8s.snap", "images/pause.tar"]
    read.clear()
    verify_bundle(bundle, "rehearsal", stamp=stamp, on_file=read.append)
    assert read == [], "nothing has changed, so nothing is read again"


def test_a_file_that_was_touched_is_read_again(bundle: Path, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    verify_bundle(bundle, "rehearsal", stamp=stamp)
    os.utime(bundle / "bundle.iso", (1, 1))
    read: list[str] = []
    verify_bundle(bundle, "rehearsal", stamp=stamp, on_file=read.append)
    assert read == ["bundle.iso"]


def test_a_changed_file_is_found(bundle: Path, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    verify_bundle(bundle, "rehearsal", stamp=stamp)
    path = bundle / "images" / "pause.tar"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    with pytest.raises(HostError, match=r"'images/pause.tar' .* is not what its manifest says") as caught:
        verify_bundle(bundle, "rehearsal", stamp=stamp)
    assert caught.value.code == "LAB-HOST-014"


def test_a_truncated_file_is_found(bundle: Path, tmp_path: Path) -> None:
    (bundle / "bundle.iso").write_bytes(b"")
    with pytest.raises(HostError, match=r"bundle\.iso"):
        verify_bundle(bundle, "rehearsal", stamp=tmp_path / "stamp")


def test_a_missing_file_is_found(bundle: Path, tmp_path: Path) -> None:
    (bundle / "snaps" / "microk8s.snap").unlink()
    with pytest.raises(HostError, match=r"lacks 'snaps/microk8s.snap'"):
        verify_bundle(bundle, "rehearsal", stamp=tmp_path / "stamp")


def test_a_damaged_stamp_does_not_matter(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "stamp").write_text("{")
    verify_bundle(bundle, "rehearsal", stamp=tmp_path / "stamp")


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no bundle in") as caught:
        load_manifest(tmp_path)
    assert caught.value.code == "LAB-HOST-010"
    assert "make rehearsal" in caught.value.hint
    assert "python -m rehearsal build" in caught.value.hint


def test_another_edition_s_bundle(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"is for the edition 'rehearsal', not 'kubeflow-1\.8'"):
        verify_bundle(bundle, "kubeflow-1.8", stamp=tmp_path / "stamp")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema": 1}'])
def test_a_manifest_that_is_not_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(HostError, match="is not valid") as caught:
        load_manifest(tmp_path)
    assert caught.value.code == "LAB-HOST-011"


def test_a_manifest_of_another_format(tmp_path: Path, bundle: Path, manifest: dict[str, Any]) -> None:
    write(bundle, {**manifest, "schema": 2})
    with pytest.raises(HostError, match="has the format 2, not 1"):
        load_manifest(bundle)
