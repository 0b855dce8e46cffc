"""The engine is killed in each step in turn; every `up` goes on where the last one was cut off.

The tests stand on each other: together they bring one lab up.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.plan.catalogue import load_steps
from tests.faults.engine import Event
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(3600)

STEPS = [step.name for step in load_steps(Path(__file__).parents[2] / "provision")]
DEPLOY = STEPS.index("80-kubeflow")
VM_MOMENTS = ("Creating domain", "Starting domain", "Waiting for machine to boot")
"""What Vagrant says when the engine is killed; Vagrant itself, which nobody listens to, may go on."""

DEADLINE = 1800.0


class AtWork:
    """The moment at which a task is really at work: its script changes things, and has said something.

    A task that found nothing to do, or that the host does in one go, is over before that: its end will do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False

    def __call__(self, event: Event) -> bool:
        if event.get("name") != self._name:
            return False
        if event["event"] == "attempt-started":
            self._begun = event["action"] == "apply"
            return False
        return event["event"] == "task-ended" or (self._begun and event["event"] != "task-started")


def kill_in(rig: Rig, task: str) -> None:
    with rig.at_work() as engine:
        engine.wait_for(AtWork(task), f"'{task}' to be at work", deadline=DEADLINE)
        engine.kill()


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


@pytest.mark.parametrize("task", ["login", *STEPS[:DEPLOY]])
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_damaged_notes_cost_nothing(rig: Rig) -> None:
    for name in ("journal.json", "bundle.json", "lock.owner"):
        (rig.state / name).write_text("{half of it")
    (rig.state / "ssh_config").write_text("")
    kill_in(rig, STEPS[0])
    assert list(rig.state.glob("journal.json.damaged*")), "what was damaged is kept aside"


def test_a_channel_that_does_not_exist(rig: Rig) -> None:
    with rig.edition("provision", LAB_CHARM_CHANNEL="9.9/stable"):
        answer = rig.up()
    answer.refuses("LAB-STEP-001", 60, hint="channel 9.9/stable")


@pytest.mark.parametrize("task", [*STEPS[DEPLOY:], "fetch"])
def test_killed_late_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_the_lab_is_ready_after_all(rig: Rig) -> None:
    rig.up().succeeds()
    rig.is_ready()
