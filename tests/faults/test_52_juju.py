"""The engine is killed in Juju's steps; the machine stands still, and is killed with what runs in it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.moments import DEADLINE, at_work_in, kill_in, sees_the_loss, steps
from tests.faults.rig import VM_FAILED, Rig

pytestmark = pytest.mark.timeout(3600)

CONTROLLER = "65-controller"


@pytest.mark.parametrize("task", steps("50-juju", CONTROLLER))
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_the_machine_stands_still(rig: Rig) -> None:
    with at_work_in(rig, CONTROLLER) as engine:
        process = rig.qemu()
        os.kill(process, signal.SIGSTOP)
        try:
            sees_the_loss(engine)
        finally:
            os.kill(process, signal.SIGCONT)
        engine.wait_for(
            lambda event: event["event"] == "attempt-started" and event["name"] == CONTROLLER,
            f"'{CONTROLLER}' to go on",
            deadline=DEADLINE,
        )


def test_the_machine_is_killed(rig: Rig) -> None:
    with at_work_in(rig, CONTROLLER) as engine:
        os.kill(rig.qemu(), signal.SIGKILL)
        assert engine.end(deadline=DEADLINE) == VM_FAILED, engine.said()
        assert "LAB-VM-210" in engine.said()
        assert "Traceback" not in engine.said()


def test_a_killed_machine_is_not_ready(rig: Rig) -> None:
    answer = rig.lab("status")
    assert answer.exit_code == VM_FAILED, answer
    assert "python -m lab up" in answer.output + answer.errors, answer


@pytest.mark.parametrize("task", [CONTROLLER, "70-model"])
def test_killed_after_that_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_a_channel_that_does_not_exist(rig: Rig) -> None:
    with rig.edition("provision", LAB_CHARM_CHANNEL="9.9/stable"):
        answer = rig.up()
    answer.refuses("LAB-STEP-001", 60, hint="channel 9.9/stable")
