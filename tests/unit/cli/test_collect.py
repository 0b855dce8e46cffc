"""The command collect, with the collecting in the test's hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.collect.collector import Collection, Collector
from lab.collect.piece import Piece
from tests.unit.cli.conftest import Lab


def test_it_ends_with_what_to_do_with_the_archive(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(_self: Collector, path: Path) -> Collection:
        path.write_bytes(b"x" * 2048)
        missing = tuple(Piece(f"piece-{number}", "x", problem="the VM is off\nmore") for number in range(9))
        return Collection(path, 12, missing, all_known=False)

    monkeypatch.setattr(Collector, "collect", collect)
    assert lab("collect") == 0
    [archive] = lab.root.glob("lab-kubeflow-*.tar.gz")
    assert f"{archive}  (2 KiB, 12 files)" in lab.out
    assert "Missing (9; MISSING.txt in the archive lists all):\n  9 times: the VM is off\n" in lab.out
    assert "meant to be attached to a report" in lab.out
    assert "have a look before you give it away" in lab.out
    assert lab("collect", "--output", str(lab.root / "mine.tar.gz")) == 0
    assert (lab.root / "mine.tar.gz").exists()


def test_nowhere_to_write(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab("collect", "--output", "nowhere/x.tar.gz") == 10
    assert "LAB-COL-001" in lab.err

    def full(_self: Collector, _path: Path) -> Collection:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Collector, "collect", full)
    assert lab("collect") == 10
    assert "LAB-COL-002" in lab.err
    assert "No space left on device" in lab.err
