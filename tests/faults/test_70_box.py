"""The lab is packed as a box, killed in the midst of it, and brought up from the box as a lab of its own.

The tests need a lab that is up, which those of `test_60_pods.py` leave behind; alone they bring it up. Two
labs at a time would be slow, so the one that was packed is off then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.moments import DEADLINE
from tests.faults.rig import UP_SECONDS, Rig

pytestmark = [pytest.mark.timeout(5400), pytest.mark.usefixtures("lab")]

COPY = ("--name", "copy")
HOST_KEY = "cat /etc/ssh/ssh_host_ed25519_key.pub"
CREDENTIALS = "cat ~/.kubeflow-lab/credentials"


@pytest.fixture(scope="module")
def box(rig: Rig) -> Path:
    """Where the lab is packed."""
    return rig.checkout.root / "lesson 3.box"


@pytest.fixture(scope="module")
def identity(rig: Rig, lab: Rig) -> dict[str, str]:
    """What tells the lab that is packed from others."""
    return {line: lab.guest(line) for line in (HOST_KEY, CREDENTIALS)}


@pytest.fixture(scope="module")
def copy(rig: Rig, box: Path) -> Iterator[Path]:
    """Return the state directory of the lab that is made from the box; it is taken down at the end."""
    yield rig.state.with_name("copy")
    rig.lab(*COPY, "down", "--yes").succeeds()


def test_killed_while_it_is_packed(rig: Rig, identity: dict[str, str], box: Path) -> None:
    with rig.at_work("bake", str(box)) as engine:
        engine.wait_for(
            lambda event: event["event"] == "task-started" and event["name"] == "pack",
            "the disk to be copied",
            deadline=DEADLINE,
        )
        engine.kill()
    assert not box.exists()


def test_it_is_packed_all_the_same(rig: Rig, box: Path) -> None:
    answer = rig.lab("bake", str(box), "--halt", timeout=UP_SECONDS).succeeds()
    assert re.search(r"^packed '.*': (\d+)/\1 applications, ", answer.output, re.MULTILINE), answer
    assert [path.name for path in box.parent.iterdir() if "lesson" in path.name] == [box.name]
    assert box.stat().st_mode & 0o077 == 0, "there are secrets in it"


def test_others_bring_it_up(rig: Rig, box: Path, copy: Path) -> None:
    rig.lab(*COPY, "up", "--box", str(box), timeout=UP_SECONDS).succeeds()
    rig.lab(*COPY, "status").succeeds()
    assert (copy / "lab.lock").exists()


def test_it_is_a_lab_of_its_own(rig: Rig, identity: dict[str, str], copy: Path) -> None:
    for line, value in identity.items():
        assert rig.lab(*COPY, "exec", line).succeeds().output != value, line
    authorized = rig.lab(*COPY, "exec", "cat ~/.ssh/authorized_keys").succeeds().output.splitlines()
    assert authorized == [(copy / "id_ed25519.pub").read_text().strip()], "nobody else can log in"


def test_it_works_with_its_own_login(rig: Rig, copy: Path) -> None:
    rig.lab(*COPY, "test", "-m", "machine or juju or login", timeout=UP_SECONDS).succeeds()


def test_its_box_is_needed_no_more(rig: Rig, box: Path, copy: Path) -> None:
    box.unlink()
    rig.lab(*COPY, "halt").succeeds()
    rig.lab(*COPY, "up", timeout=UP_SECONDS).succeeds()
    rig.lab(*COPY, "status").succeeds()
