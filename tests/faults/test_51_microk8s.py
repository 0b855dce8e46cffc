"""The engine is killed in the steps that make MicroK8s usable; addons are cut short, and an image is gone."""

from __future__ import annotations

import pytest

from tests.faults.moments import DEADLINE, at_work_in, carries_out, kill_in, sees_the_loss, steps
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(3600)

ADDONS = "40-addons"
IMAGE = "docker.io/lab/addons:1"
"""What the pods of the rehearsal's addons are made of."""


@pytest.mark.parametrize("task", steps("30-access", ADDONS))
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


@pytest.mark.parametrize(
    ("addon", "first"),
    [
        ("hostpath-storage", "-n kube-system get deployment/hostpath-provisioner"),
        ("ingress", "-n ingress get daemonset/nginx-ingress-microk8s-controller"),
        ("metallb", "-n metallb-system get deployment/controller"),
    ],
)
def test_interrupted_when_half_an_addon_is_there(rig: Rig, addon: str, first: str) -> None:
    with rig.at_work() as engine:
        engine.wait_for(
            lambda event: (
                event["event"] == "output" and event["line"].startswith(f"+ microk8s enable {addon}")
            ),
            f"'{addon}' to be enabled",
            deadline=DEADLINE,
        )
        rig.guest(f"until sudo /snap/bin/microk8s kubectl {first}; do sleep 0.5; done")
    assert "LAB-INT-001" in engine.said()


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
