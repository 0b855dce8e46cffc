"""The engine is killed in the steps that make MicroK8s usable; the machine is rebooted, an image is gone."""

from __future__ import annotations

import pytest

from tests.faults.moments import at_work_in, carries_out, kill_in, sees_the_loss, steps
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(3600)

ADDONS = "40-addons"
IMAGE = "docker.io/lab/addons:1"
"""What the pods of the rehearsal's addons are made of."""


@pytest.mark.parametrize("task", steps("30-access", ADDONS))
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


def test_the_machine_is_rebooted(rig: Rig) -> None:
    with at_work_in(rig, ADDONS) as engine:
        rig.lab("exec", "sudo systemctl reboot")
        sees_the_loss(engine)
        carries_out(engine, ADDONS)


def test_an_addon_whose_image_is_gone_does_not_get_ready(rig: Rig) -> None:
    rig.guest(f"sudo /snap/bin/microk8s ctr images rm {IMAGE}")
    rig.kubectl("-n", "kube-system", "delete", "pod", "-l", "k8s-app=hostpath-provisioner")
    with rig.edition("provision", LAB_ADDON_TIMEOUT="20"):
        answer = rig.lab("provision", "--only", ADDONS, timeout=1800)
    answer.refuses("LAB-STEP-005", 40, hint="pods")
    assert "hostpath-storage" in answer.errors, answer
    assert "KI-IMAGE-PULL" in answer.errors, answer


def test_a_gone_image_is_loaded_again(rig: Rig) -> None:
    with at_work_in(rig, "25-images") as engine:
        carries_out(engine, "25-images")
        # By itself the pod tries again sooner or later.
        carries_out(engine, ADDONS, "done", "satisfied")
