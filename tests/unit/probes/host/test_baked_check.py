from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lab.config import Settings
from lab.editions.baked import verify_baked
from lab.errors import HostError
from lab.probes.host.baked import baked
from tests.boxes import PACKED, make_box


@pytest.mark.parametrize(("days", "level"), [(3, "ok"), (31, "warning")])
def test_a_box_is_told_with_its_age(
    settings: Callable[..., Settings], tmp_path: Path, days: int, level: str
) -> None:
    box = make_box(tmp_path / "lesson.box")
    [finding] = baked(settings(edition="rehearsal"), box, PACKED + timedelta(days=days))
    assert finding.level == level
    assert finding.found == f"{box}: 20/20 applications, packed {days} days ago"
    assert ("python -m lab bake" in finding.advice) == (level == "warning")


def test_a_thorough_look_compares_the_sum(settings: Callable[..., Settings], tmp_path: Path) -> None:
    box = make_box(tmp_path / "lesson.box", image=b"x" * 20_000)
    [finding] = baked(settings(edition="rehearsal"), box, PACKED, lambda: verify_baked(box, "rehearsal"))
    assert finding.found.endswith("packed today, sum right")
    box.write_bytes(box.read_bytes().replace(b"x" * 20_000, b"y" * 20_000))
    assert list(baked(settings(edition="rehearsal"), box, PACKED))
    with pytest.raises(HostError, match="another sum"):
        list(baked(settings(edition="rehearsal"), box, PACKED, lambda: verify_baked(box, "rehearsal")))


def test_a_box_of_another_edition(settings: Callable[..., Settings], tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        list(baked(settings(edition="kubeflow-1.8"), make_box(tmp_path / "lesson.box"), PACKED))
    assert caught.value.code == "LAB-BAKE-003"


def test_no_box_is_for_virtualbox(settings: Callable[..., Settings], tmp_path: Path) -> None:
    lab = settings(edition="rehearsal", provider="virtualbox")
    with pytest.raises(HostError) as caught:
        list(baked(lab, make_box(tmp_path / "lesson.box"), PACKED))
    assert caught.value.code == "LAB-BAKE-005"
