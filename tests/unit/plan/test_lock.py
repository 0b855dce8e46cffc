"""Two commands cannot change one lab at a time."""

from __future__ import annotations

import json
import os
import re
import socket
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


@pytest.mark.parametrize(
    ("owner", "who", "hint"),
    [
        ({"pid": os.getpid()}, "since 2026-11-24$", f"kill {os.getpid()}$"),
        # No process has this number: it is above the largest that Linux gives.
        ({"pid": 2**22 + 1}, "which has ended without giving its lock back", "file server"),
        ({"pid": 1, "host": "elsewhere"}, "on the computer 'elsewhere'", "end it on 'elsewhere'"),
        ({"pid": "x"}, "at work on the lab '[^']*'\\.", "Wait until it has ended"),
    ],
    ids=["at work", "has ended", "elsewhere", "unknown"],
)
def test_who_holds_it_and_whether_that_process_still_lives(
    tmp_path: Path, owner: dict[str, object], who: str, hint: str
) -> None:
    data = {"command": "up", "since": "2026-11-24", "host": socket.gethostname(), **owner}
    with lab_lock(tmp_path, "up"):
        (tmp_path / "lock.owner").write_text(json.dumps(data))
        with pytest.raises(HostError, match=who.replace("$", r"\.")) as caught, lab_lock(tmp_path, "reset"):
            pass
    assert re.search(hint, caught.value.hint)
