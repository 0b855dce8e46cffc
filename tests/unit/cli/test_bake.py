"""`lab bake` and `up --box`: options, questions and output."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import load_settings
from lab.plan.baking import Baking
from tests.boxes import make_box
from tests.unit.cli.conftest import Lab


@pytest.fixture
def baked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, dict[str, bool]]]:
    """What was asked for, in the place of the work."""
    calls: list[tuple[Path, dict[str, bool]]] = []

    def bake(_self: Baking, target: Path, **options: bool) -> str:
        calls.append((target, options))
        return f"packed '{target}'"

    monkeypatch.setattr(Baking, "bake", bake)
    return calls


def test_without_a_name_edition_and_day_are_it(lab: Lab, baked: list[tuple[Path, dict[str, bool]]]) -> None:
    assert lab("bake", "--edition", "rehearsal") == 0
    [(target, options)] = baked
    assert target == lab.root / f"rehearsal-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.box"
    assert options == {"force": False, "stay_off": False}
    assert lab.out.endswith(
        f"packed '{target}'\nOn another computer with this project: python -m lab up --box {target.name}\n"
    )


def test_a_name_and_flags(lab: Lab, baked: list[tuple[Path, dict[str, bool]]]) -> None:
    assert lab("bake", "boxes/lesson.box", "--force", "--halt") == 0
    assert baked == [(lab.root / "boxes" / "lesson.box", {"force": True, "stay_off": True})]


def test_a_person_is_asked_before_the_vm_stops(
    lab: Lab, baked: list[tuple[Path, dict[str, bool]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.cli.talk._person", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    assert lab("bake") == 130
    assert baked == []
    assert lab("bake", "--yes") == 0


def test_a_lab_that_is_not_there(lab: Lab) -> None:
    lab.machine_state = "not_created"
    assert lab("bake") == 20
    assert "LAB-SNAP-006: The lab 'kubeflow' has no VM." in lab.err


def test_up_takes_a_box_and_its_edition(lab: Lab, work: Callable[..., list[str]]) -> None:
    work()
    assert lab("up", "--box", str(make_box(lab.root / "lesson.box"))) == 0
    assert "REHEARSAL: the lab 'kubeflow' is up" in lab.out
    assert lab("up", "--box", "nothing.box") == 10
    assert "LAB-BAKE-001: There is no box" in lab.err


def test_a_vm_that_is_there_is_not_made_from_a_box(lab: Lab, work: Callable[..., list[str]]) -> None:
    work()
    box = make_box(lab.root / "lesson.box")
    machine = lab.root / ".vagrant" / "machines" / "kubeflow" / "libvirt"
    machine.mkdir(parents=True)
    (machine / "id").touch()
    assert lab("up", "--box", "lesson.box") == 2
    assert "LAB-BAKE-012: The lab 'kubeflow' has a VM already" in lab.err
    settings = load_settings(lab.root, overrides={"box": str(box)}, environ={})
    settings.remember(box=box)
    assert lab("up", "--box", "lesson.box") == 0


def test_a_dry_run_shows_the_box(lab: Lab) -> None:
    lab.machine_state = "not_created"
    box = make_box(lab.root / "lesson.box")
    assert lab("up", "--dry-run", "--box", "lesson.box") == 0
    assert f"export LAB_BOX={box}\n" in lab.out
    assert load_settings(lab.root, overrides={}, environ={}).box is None, "nothing is remembered"
