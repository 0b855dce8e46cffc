"""A box that is not there, is none, is damaged or of another edition: `up` makes nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.boxes import make_box
from tests.faults.command import Checkout


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return make_box(tmp_path / "lektion 3 für uns.box", image=b"x" * 50_000)


def made_nothing(checkout: Checkout) -> None:
    assert not (checkout.root / ".vagrant" / "machines" / "kubeflow").exists()
    assert checkout.lab("status").exit_code == 20


def test_none(ready: Checkout, tmp_path: Path) -> None:
    ready.lab("up", "--box", str(tmp_path / "none.box")).refuses(
        "LAB-BAKE-001", 10, hint="python -m lab bake"
    )
    made_nothing(ready)


def test_no_box(ready: Checkout, box: Path) -> None:
    box.write_bytes(b"no box")
    ready.lab("up", "--box", str(box)).refuses("LAB-BAKE-002", 10, hint="Copy it again")
    made_nothing(ready)


def test_a_copy_that_was_cut_short(ready: Checkout, box: Path) -> None:
    box.write_bytes(box.read_bytes()[:30_000])
    ready.lab("up", "--box", str(box)).refuses("LAB-BAKE-004", 10, hint="Copy it again")
    made_nothing(ready)


def test_another_edition(ready: Checkout, tmp_path: Path) -> None:
    box = make_box(tmp_path / "other.box", edition="kubeflow-1.8")
    ready.lab("up", "--box", str(box)).refuses("LAB-BAKE-003", 10, hint="--edition kubeflow-1.8")
    made_nothing(ready)


def test_nothing_to_pack(ready: Checkout, box: Path) -> None:
    ready.lab("bake", str(box)).refuses("LAB-SNAP-006", 20, hint="python -m lab up")
