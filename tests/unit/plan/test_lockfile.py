"""lab.lock: what is added to what the guest says, and how it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import __version__
from lab.config import Settings, load_settings
from lab.errors import HostError
from lab.plan.lockfile import make_lock, record_versions
from lab.process import Result, Runner
from lab.report.events import Event
from lab.report.tasks import Task

if TYPE_CHECKING:
    from tests.unit.plan.conftest import FakeGuest

SNAP = {"version": "3.4.3", "revision": "x1", "channel": None}
FILE = {"file": "juju.snap", "sha256": "a" * 64, "size": 1}
MANIFEST = json.dumps(
    {
        "schema": 1,
        "edition": "rehearsal",
        "box": {**FILE, "name": "box"},
        "iso": {**FILE, "label": "LAB"},
        "snaps": [{**FILE, "name": "juju", "version": "3.4.3"}],
        "images": [],
    }
)


def git(code: int, said: str) -> Runner:
    def run(argv: Sequence[str], **options: Any) -> Result:
        assert options == {"timeout": 10.0}
        assert list(argv[:2]) == ["git", "-C"]
        assert "describe" in argv
        return Result(tuple(argv), code, said, "", 0.1)

    return run


def settings(root: Path, edition: str) -> Settings:
    (root / "bundle").mkdir(exist_ok=True)
    (root / "bundle" / "manifest.json").write_text(MANIFEST)
    return load_settings(root, overrides={"edition": edition, "bundle": str(root / "bundle")}, environ={})


def test_an_offline_edition_has_the_sums_of_its_bundle(tmp_path: Path) -> None:
    versions = {"snaps": {"juju": SNAP, "snapd": SNAP}}
    lock = make_lock(versions, settings(tmp_path, "rehearsal"), runner=git(0, "0123abc-dirty\n"))
    assert lock["bundle"] == hashlib.sha256(MANIFEST.encode()).hexdigest()
    assert lock["snaps"] == {"juju": {**SNAP, "sha256": "a" * 64}, "snapd": {**SNAP, "sha256": None}}
    assert lock["lab"] == {"version": __version__, "commit": "0123abc-dirty"}
    assert (lock["schema"], lock["name"]) == (1, "kubeflow")


def test_a_store_edition_has_none(tmp_path: Path) -> None:
    versions = {"snaps": {"juju": SNAP}}
    lock = make_lock(versions, settings(tmp_path, "kubeflow-1.8"), runner=git(128, ""))
    assert (lock["bundle"], lock["snaps"], lock["lab"]["commit"]) == (None, {"juju": SNAP}, None)


def test_a_host_without_git(tmp_path: Path) -> None:
    def missing(*_arguments: object, **_options: object) -> Result:
        raise HostError("The program 'git' was not found.", code="LAB-HOST-104")

    lock = make_lock({"snaps": {}}, settings(tmp_path, "kubeflow-1.8"), runner=missing)
    assert lock["lab"]["commit"] is None


def test_the_file_is_the_owner_s_and_its_order_is_stable(tmp_path: Path, guest: FakeGuest) -> None:
    lab = settings(tmp_path, "kubeflow-1.8")
    lab.make_state_dir()
    events: list[Event] = []
    record_versions(guest, lab, Task("fetch", "Fetch", events.append), events.append)
    path = lab.state_dir / "lab.lock"
    assert path.stat().st_mode & 0o777 == 0o600
    data = json.loads(path.read_text())
    assert path.read_text() == json.dumps(data, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("manifest", ["{", None])
def test_a_bundle_that_has_gone_is_a_notice(tmp_path: Path, guest: FakeGuest, manifest: str | None) -> None:
    lab = settings(tmp_path, "rehearsal")
    lab.make_state_dir()
    path = tmp_path / "bundle" / "manifest.json"
    path.unlink() if manifest is None else path.write_text(manifest)
    events: list[Event] = []
    record_versions(guest, lab, Task("fetch", "Fetch", events.append), events.append)
    assert "could not be recorded" in repr(events)
    assert not (lab.state_dir / "lab.lock").exists()
