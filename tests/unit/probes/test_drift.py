"""What differs from a lock."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from lab.errors import UsageError
from lab.probes.drift import Difference, find_drift, read_lock, text, to_dict

NOW: dict[str, Any] = {
    "edition": "rehearsal",
    "guest": {"os": "Debian", "kernel": "6.1"},
    "snaps": {"juju": {"version": "3.4.3", "revision": "x1", "channel": None}},
    "kubernetes": {"version": "v1.20.2"},
    "juju": {"controller": "3.4.3"},
    "applications": {"minio": {"charm": "minio", "channel": "ckf-1.8/stable", "revision": 278}},
    "images": {"lab/shell:1": ["sha256:aa"], "reg:5000/x@sha256:bb": ["reg:5000/x@sha256:bb"]},
}


@pytest.fixture
def lock() -> dict[str, Any]:
    lock = copy.deepcopy(NOW)
    lock["snaps"]["juju"]["sha256"] = "a" * 64
    return {**lock, "schema": 1, "name": "other", "recorded": "2026", "lab": {"commit": "1"}, "bundle": "b"}


def test_where_a_lock_came_from_is_no_drift(lock: dict[str, Any]) -> None:
    assert find_drift(lock, NOW) == []
    assert text([], "kubeflow") == "The lab 'kubeflow' has what its lock says."


def test_all_that_differs_is_named(lock: dict[str, Any]) -> None:
    lock["snaps"]["juju"].update(revision="x2", channel="3.4/stable")
    lock["applications"]["gone"] = {"charm": "gone", "channel": None, "revision": 1}
    del lock["guest"]["kernel"]
    lock["images"]["lab/shell:1"] = ["sha256:dd"]
    lock["images"]["reg:5000/x:2"] = lock["images"].pop("reg:5000/x@sha256:bb")
    found = find_drift(lock, NOW)
    assert found == [
        Difference("snaps.juju.revision", "x2", "x1"),
        Difference("snaps.juju.channel", "3.4/stable", None),
        Difference("applications.gone.charm", "gone", None),
        Difference("applications.gone.revision", "1", None),
        Difference("images.lab/shell", "1 sha256:dd", "1 sha256:aa"),
        Difference("images.reg:5000/x", "2 sha256:bb", "sha256:bb"),
        Difference("guest.kernel", None, "6.1"),
    ]
    lines = text(found, "kubeflow").splitlines()
    assert lines[0].split() == ["what", "lock", "now"]
    assert lines[1].split() == ["snaps.juju.revision", "x2", "x1"]
    assert lines[-1] == "7 things differ from the lock."
    data = to_dict(found[:1], "kubeflow", Path("lab.lock"))
    assert data["drift"] is True
    assert data["differences"] == [{"what": "snaps.juju.revision", "locked": "x2", "now": "x1"}]


@pytest.mark.parametrize("image", ["job:1", "sha256:ee", "reg:5000/y"])
def test_pods_that_come_and_go_are_no_drift(lock: dict[str, Any], image: str) -> None:
    lock["images"] = {image: ["sha256:ee"]}
    assert find_drift(lock, {**NOW, "images": {"sha256:ff": ["sha256:ff"]}}) == []


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 2}', b"\xff"])
def test_what_is_not_a_lock(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "lab.lock"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError) as caught:
        read_lock(path)
    assert caught.value.code == "LAB-LOCK-002"


def test_there_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_lock(tmp_path / "lab.lock")
    assert caught.value.code == "LAB-LOCK-001"
    assert "python -m lab up" in caught.value.hint
