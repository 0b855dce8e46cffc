"""The engine is killed in the last steps, and an application stays in error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.moments import STEPS, kill_in, steps
from tests.faults.rig import KUBEFLOW, Rig

pytestmark = pytest.mark.timeout(3600)

BROKEN = "kfp-ui"
FAULT = "rehearsal/fault"
"""The annotation of a pod that makes a hook of its application fail for as long as it is there."""


@pytest.mark.parametrize("task", [*steps("80-kubeflow", STEPS[-1]), "fetch"])
def test_killed_in(rig: Rig, task: str) -> None:
    kill_in(rig, task)


@contextmanager
def in_error(rig: Rig, application: str) -> Iterator[None]:
    """Let a hook of an application fail, until the block ends."""
    pod = f"pod/{application}-0"
    rig.kubectl("-n", KUBEFLOW, "annotate", pod, f"{FAULT}=config-changed")
    try:
        yield
    finally:
        rig.kubectl("-n", KUBEFLOW, "annotate", pod, f"{FAULT}-")


def test_an_application_that_stays_in_error(rig: Rig) -> None:
    with in_error(rig, BROKEN), rig.edition("provision", LAB_KUBEFLOW_TIMEOUT="30"):
        answer = rig.up()
    answer.refuses("LAB-STEP-002", 60, hint="juju status")
    assert f'{BROKEN} error: hook failed: "config-changed"' in answer.errors, answer


def test_the_lab_is_ready_after_all(rig: Rig) -> None:
    rig.up().succeeds()
    rig.is_ready()
