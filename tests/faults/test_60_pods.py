"""Pods of the applications are deleted while the suite runs: what is well stays green, what is not stays red.

The tests need a lab that is up, which those of `test_53_kubeflow.py` leave behind; alone they bring it up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lab.config import load_settings
from lab.testing import connection
from lab.testing.kube import Kube
from tests.faults.pods import PLANS, Deleter, Plan, a_step_is_at_work, a_test_runs, disturb, run_disturbed
from tests.faults.rig import KUBEFLOW, Rig
from tests.faults.suite import run_suite

pytestmark = pytest.mark.timeout(7200)

GONE_IMAGE = "lab.invalid/gone:1"
COMPONENT_FAILED = 70


@pytest.fixture(scope="module")
def kube(lab: Rig) -> Iterator[Kube]:
    """The lab's Kubernetes, with the rights of its user."""
    settings = load_settings(lab.checkout.root, overrides={}, environ=os.environ)
    with closing(connection.connect(settings)) as transport, closing(Kube.connect(transport)) as kube:
        yield kube


@contextmanager
def scaled(lab: Rig, application: str, replicas: int) -> Iterator[None]:
    """Let an application have so many pods, until the block ends."""
    workload = f"statefulset/{application}"
    lab.kubectl("-n", KUBEFLOW, "scale", workload, f"--replicas={replicas}")
    try:
        yield
    finally:
        lab.kubectl("-n", KUBEFLOW, "scale", workload, "--replicas=1")
        lab.kubectl("-n", KUBEFLOW, "rollout", "status", workload, "--timeout=300s")


def verdicts(lab: Rig, deleter: Deleter, directory: Path, *arguments: str) -> dict[str, str]:
    """Run some tests of the suite, which have to fail, and return the class of each failure."""
    argv = lab.checkout.argv("test", *arguments)
    with run_suite(argv, cwd=lab.checkout.root, directory=directory) as suite:
        code = disturb(suite, deleter)
        assert code == COMPONENT_FAILED, suite.said()
        assert not deleter.missed, f"it was not disturbed\n{suite.said()}"
        return dict(suite.failures())


@pytest.mark.parametrize("marker", PLANS)
def test_the_suite_passes_all_the_same(lab: Rig, kube: Kube, tmp_path: Path, marker: str) -> None:
    deleter = Deleter(kube, KUBEFLOW, PLANS[marker])
    argv = lab.checkout.argv("test", "-m", marker)
    run_disturbed(argv, deleter, cwd=lab.checkout.root, directory=tmp_path)


def test_an_image_that_is_gone_stays_a_fault_of_the_environment(lab: Rig, kube: Kube, tmp_path: Path) -> None:
    deleter = Deleter(kube, KUBEFLOW, Plan(("kfp-api",), a_step_is_at_work))
    with lab.edition("images", shell=GONE_IMAGE):
        found = verdicts(lab, deleter, tmp_path, "-m", "pipelines", "-k", "test_steps_hand_on_parameters")
    assert found == {"test_steps_hand_on_parameters": "ENV"}


def test_a_login_that_is_gone_stays_a_fault_of_the_product(lab: Rig, kube: Kube, tmp_path: Path) -> None:
    deleter = Deleter(kube, KUBEFLOW, Plan(("oidc-gatekeeper",), a_test_runs))
    with scaled(lab, "dex-auth", 0):
        found = verdicts(lab, deleter, tmp_path, "-m", "login", "-k", "test_login_gives_a_session")
    assert found == {"test_login_gives_a_session": "PRODUCT"}


def test_the_lab_is_as_before(lab: Rig) -> None:
    lab.up().succeeds()
    lab.is_ready()
