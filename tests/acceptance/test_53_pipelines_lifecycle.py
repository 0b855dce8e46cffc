"""Uploaded pipelines, recurring runs, and that deletion leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from lab.testing.pipelines import Pipelines
from lab.testing.steps import run_pods, wait_until_gone
from lab.testing.waiting import Pending, wait_until

pytestmark = pytest.mark.pipelines

DEADLINE = 900.0
FIRST_RUN = 300.0
GONE = 180.0
INTERVAL = 15
"""Seconds between two runs of the recurring one; upstream's scheduler looks every ten."""


def test_a_recurring_run_starts_runs(run: Any, pipelines: Pipelines, experiment: str, packages: Any) -> None:
    recurring = pipelines.repeat(
        experiment,
        f"recurring {run.id}",
        packages("relay"),
        seconds=INTERVAL,
        parameters={"word": f"r{run.id}"},
    )
    state = pipelines.ask("the recurring run", lambda client: client.get_recurring_run(recurring))
    assert state.status == "ENABLED"

    def first() -> str | Pending:
        found = pipelines.runs(experiment)
        return found[0] if found else Pending("no run yet")

    started = wait_until(first, what="the first run", deadline=FIRST_RUN)
    pipelines.ask("the end of it", lambda client: client.disable_recurring_run(recurring))
    detail = pipelines.ask("the run", lambda client: client.get_run(started))
    assert detail.recurring_run_id == recurring
    ended = pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert ended.state == "SUCCEEDED", ended.describe()
    pipelines.delete_recurring_run(recurring)
    assert not pipelines.exists("it", lambda client: client.get_recurring_run(recurring))


def test_deletion_cleans_up(run: Any, pipelines: Pipelines, packages: Any) -> None:
    name = f"deletion-{run.id}"
    experiment = pipelines.experiment(name, f"run {run.id}")
    uploaded, version = pipelines.upload(name, packages("relay"), f"run {run.id}")
    started = pipelines.start(
        experiment, name, version=(uploaded, version), parameters={"word": f"d{run.id}"}
    )
    ended = pipelines.wait(run.kube, started, deadline=DEADLINE)
    assert ended.state == "SUCCEEDED", ended.describe()
    assert run_pods(run.kube, pipelines.namespace, started)

    pipelines.delete_run(started)
    assert not pipelines.exists("the run", lambda client: client.get_run(started))
    wait_until_gone(run.kube, pipelines.namespace, started, deadline=GONE)
    # Upstream refuses to delete a pipeline that has a version.
    pipelines.delete("the version", lambda client: client.delete_pipeline_version(uploaded, version))
    assert not pipelines.exists("it", lambda client: client.get_pipeline_version(uploaded, version))
    pipelines.delete("the pipeline", lambda client: client.delete_pipeline(uploaded))
    assert not pipelines.exists("it", lambda client: client.get_pipeline(uploaded))
    pipelines.delete_experiment(experiment)
    assert not pipelines.exists("it", lambda client: client.get_experiment(experiment_id=experiment))
