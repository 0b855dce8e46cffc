"""Two commands cannot change one lab at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import HostError
from lab.plan.lock import lab_lock


def test_the_second_is_told_who_was_first(tmp_path: Path) -> None:
    with (
        lab_lock(tmp_path, "up"),
        pytest.raises(HostError, match=f"process {os.getpid()}, 'up', since 20") as caught,
        lab_lock(tmp_path, "reset"),
    ):
        pass
    assert (caught.value.code, caught.value.exit_code) == ("LAB-HOST-020", 10)


def test_the_lock_is_free_afterwards_even_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), lab_lock(tmp_path, "up"):
        raise ValueError("x")
    assert not (tmp_path / "lock.owner").exists()
    with lab_lock(tmp_path, "up"):
        pass


def test_what_a_killed_process_left_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "lock.owner").write_text("half a li")
    with lab_lock(tmp_path, "up"):
        pass
