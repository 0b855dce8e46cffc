"""Runs that go wrong, and how that shows."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab.testing import flows
from lab.testing.pipelines import Pipelines
from lab.testing.steps import steps, wait_until_gone
from lab.testing.waiting import Pending, WaitAborted, wait_until

pytestmark = pytest.mark.pipelines

DEADLINE = 600.0
EARLY = 240.0
"""Within which a missing image is reported: the backend has pods of its own to start first."""


def test_a_failing_step_fails_the_run(
    run: Any, pipelines: Pipelines, experiment: str, packages: Any, images: Any
) -> None:
    started = pipelines.start(experiment, f"failing {run.id}", packages("failing"))
    state = pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert state.state == "FAILED", state.describe()
    assert any(task.state == "FAILED" for task in state.tasks), state.describe()
    found = steps(run.kube, pipelines.namespace, started, images.shell)
    # The step that was to come after it is not among them.
    assert len(found) == 1
    assert flows.FAILURE in found[0].log
    assert found[0].exit_code not in (None, 0)


def test_a_missing_image_is_reported_early(
    run: Any, pipelines: Pipelines, experiment: str, packages: Any
) -> None:
    started = pipelines.start(experiment, f"unpullable {run.id}", packages("unpullable"))
    begun = time.monotonic()
    with pytest.raises(WaitAborted, match=r"(ErrImagePull|ImagePullBackOff).*lab\.invalid"):
        pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert time.monotonic() - begun < EARLY

    # Pipelines itself would wait on: the run has to be ended by hand.
    pipelines.ask("the end of the run", lambda client: client.terminate_run(started))

    def look() -> str | Pending:
        state = pipelines.look(started)
        return state.state if state.finished else Pending(state.describe())

    ended = wait_until(look, what="the end of the terminated run", deadline=EARLY)
    assert ended in ("CANCELED", "FAILED")
    pipelines.delete_run(started)
    assert not pipelines.exists("the deleted run", lambda client: client.get_run(started))
    wait_until_gone(run.kube, pipelines.namespace, started, deadline=EARLY)
