"""The lab sleeps, and goes back to a snapshot; killed in the midst of either, it does so the next time.

The tests need a lab that is up, which those of `test_53_kubeflow.py` leave behind; alone they bring it up.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.faults.command import Answer
from tests.faults.moments import DEADLINE
from tests.faults.rig import VM_FAILED, Rig

pytestmark = [pytest.mark.timeout(3600), pytest.mark.usefixtures("lab")]

SNAPSHOT = "before"
LATER = "later.txt"
"""A file in the guest that the snapshot does not have."""

READY = r"ready: clock [+-]\d+\.\d s, (\d+)/\1 applications, \d+ s"


def says(answer: Answer, word: str) -> None:
    """Assert that a command found the lab ready, and says so in its last line."""
    assert re.fullmatch(f"{word} {READY}", answer.succeeds().output.splitlines()[-1]), answer


def cut_short(rig: Rig, task: str, *command: str) -> None:
    """Kill the engine when Vagrant is at work; Vagrant itself, which nobody listens to, may go on."""
    with rig.at_work(*command) as engine:
        engine.wait_for(
            lambda event: event["event"] == "waiting" and event["name"] == task,
            f"'{task}' to be at work",
            deadline=DEADLINE,
        )
        engine.kill()


def files(rig: Rig) -> list[str]:
    """Return the files in the guest's home."""
    return rig.guest("ls").split()


def snapshots(rig: Rig) -> dict[str, bool | None]:
    """Return whether the lab was ready in each snapshot."""
    found = json.loads(rig.lab("snapshot", "list", "--json").succeeds().output)
    return {snapshot["name"]: snapshot["ready"] for snapshot in found}


def test_it_sleeps_and_goes_on(rig: Rig) -> None:
    rig.lab("suspend").succeeds()
    answer = rig.lab("status")
    assert answer.exit_code == VM_FAILED, answer
    assert "the VM is saved" in answer.output, answer
    says(rig.lab("resume", timeout=DEADLINE), "resumed")


def test_killed_while_it_falls_asleep(rig: Rig) -> None:
    cut_short(rig, "suspend", "suspend")
    says(rig.lab("resume", timeout=DEADLINE), "resumed")


def test_killed_while_it_wakes(rig: Rig) -> None:
    rig.lab("suspend").succeeds()
    cut_short(rig, "vm", "resume")
    says(rig.lab("resume", timeout=DEADLINE), "resumed")


def test_it_is_put_back(rig: Rig) -> None:
    rig.lab("snapshot", "save", SNAPSHOT).succeeds()
    rig.guest(f"touch {LATER}")
    says(rig.lab("snapshot", "restore", SNAPSHOT, "--yes", timeout=DEADLINE), "restored")
    assert LATER not in files(rig)


def test_killed_while_it_is_put_back(rig: Rig) -> None:
    rig.guest(f"touch {LATER}")
    cut_short(rig, "restore", "snapshot", "restore", SNAPSHOT, "--yes")
    says(rig.lab("snapshot", "restore", SNAPSHOT, "--yes", timeout=DEADLINE), "restored")
    assert LATER not in files(rig)


def test_killed_while_it_is_saved(rig: Rig) -> None:
    cut_short(rig, "save", "snapshot", "save", "half")
    # The machine stands still until Vagrant has saved it.
    says(rig.lab("resume", timeout=DEADLINE), "resumed")
    rig.lab("snapshot", "save", "half", "--force", timeout=DEADLINE).succeeds()
    assert snapshots(rig) == {SNAPSHOT: True, "half": True}
    for name in (SNAPSHOT, "half"):
        rig.lab("snapshot", "delete", name, "--yes").succeeds()
    assert snapshots(rig) == {}


def test_the_lab_is_as_before(rig: Rig) -> None:
    rig.up().succeeds()
    rig.is_ready()
