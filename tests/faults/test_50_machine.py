"""The engine is killed, step by step, until MicroK8s and its images are there; every `up` goes on.

This file and those after it stand on each other: together they bring one lab up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.moments import DEADLINE, STEPS, at_work_in, carries_out, kill_in, sees_the_loss, steps
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(3600)

IMAGES = "25-images"
VM_MOMENTS = ("Creating domain", "Starting domain", "Waiting for machine to boot")
"""What Vagrant says when the engine is killed; Vagrant itself, which nobody listens to, may go on."""

FILL = """
left=$(stat --file-system --format '%f * %S' /)
sudo fallocate -l $((left - 64 * 1024 * 1024)) /var/tmp/filler
"""
"""What root may use is used, too: most of what fills a guest's disk is root's."""


def test_killed_before_there_is_a_machine(rig: Rig) -> None:
    kill_in(rig, "bundle")


@pytest.mark.parametrize("moment", VM_MOMENTS)
def test_killed_while_vagrant_works(rig: Rig, moment: str) -> None:
    with rig.at_work() as engine:
        engine.wait_for(
            lambda event: (
                event.get("name") == "vm"
                and (event["event"] == "task-ended" or moment in event.get("text", ""))
            ),
            f"Vagrant to say '{moment}'",
            deadline=DEADLINE,
        )
        engine.kill()


@pytest.mark.parametrize("task", ["login", *steps(STEPS[0], IMAGES)])
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_damaged_notes_cost_nothing(rig: Rig) -> None:
    for name in ("journal.json", "bundle.json", "lock.owner"):
        (rig.state / name).write_text("{half of it")
    (rig.state / "ssh_config").write_text("")
    kill_in(rig, STEPS[0])
    assert list(rig.state.glob("journal.json.damaged*")), "what was damaged is kept aside"


@contextmanager
def full_disk(rig: Rig) -> Iterator[None]:
    """Leave no room in the guest, until the block ends."""
    rig.guest(FILL)
    try:
        yield
    finally:
        rig.guest("sudo rm -f /var/tmp/filler")


def test_the_disk_of_the_machine_is_full(rig: Rig) -> None:
    with full_disk(rig):
        answer = rig.up()
    # What it is that finds no room first, depends on what else writes.
    assert answer.code in ("LAB-STEP-001", "LAB-STEP-005"), answer
    answer.refuses(answer.code, 40)
    assert "KI-VM-DISK" in answer.errors, answer


def test_the_connection_is_cut(rig: Rig) -> None:
    with at_work_in(rig, IMAGES) as engine:
        # By then all images have their names, and most are not unpacked yet.
        engine.wait_for(
            lambda event: event["event"] == "output" and event["line"].startswith("unpacking "),
            "the first image to be unpacked",
            deadline=DEADLINE,
        )
        # All connections, that of this very command too: so nobody asks how it ended.
        rig.lab("exec", "sudo pkill -f '^sshd: vagrant'")
        sees_the_loss(engine)
        carries_out(engine, IMAGES)
