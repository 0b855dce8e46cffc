"""Engines that are killed, pods that vanish, runs that are ended or deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from labkubeflow.pipelines.engine import Engine
from labkubeflow.pipelines.model import State, UnknownRun

from . import pipelines
from .conftest import DEADLINE, Bench, states, task
from .test_runs import calculate

Compile = Callable[[Any], dict[str, Any]]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_new_engine_goes_on_with_the_pods_that_are_there(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.steps))
    first = bench.wait_started(1)[0]
    bench.stop()
    bench.kube.end(first.name, {})  # while nobody looks
    bench.start()
    second = bench.wait_started(2)[1]
    assert second.command[-1] == "second"
    bench.start()
    bench.kube.end(second.name, {})
    bench.kube.end(bench.wait_started(3)[2].name, {})
    assert bench.ended(run_id).state is State.SUCCEEDED
    assert len(bench.kube.started) == 3, "no step ran twice"


@pytest.mark.parametrize("writes", range(12))
def test_killed_at_any_write_it_goes_on_and_no_step_runs_twice(
    bench: Bench, compiled: Compile, writes: int
) -> None:
    """The store takes so many writes, and none after: as if the engine were killed there."""
    bench.kube.program = calculate
    bench.start()
    bench.store.fail_after = writes
    run_id = bench.submit(compiled(pipelines.nested))
    until(lambda: bench.store.fail_after == 0 or bench.store.load(run_id).status.state.final)
    bench.stop()
    bench.store.fail_after = None
    bench.start()
    status = bench.ended(run_id)
    assert status.state is State.SUCCEEDED
    assert sorted(step.task for step in bench.kube.started) == ["inner/make", "inner/use", "shout"]
    assert task(status, "").outputs.parameters == {"Output": "4.5"}


def test_a_lost_watch_is_begun_again(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.settings))
    step = bench.wait_started(1)[0]
    bench.kube.hang_up()
    bench.kube.end(step.name, {})
    assert bench.ended(run_id).state is State.SUCCEEDED


def test_a_step_whose_pod_vanished_runs_once_more(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.settings))
    bench.kube.delete("space", bench.wait_started(1)[0].name)
    second = bench.wait_started(2)[1]
    assert second.name != bench.kube.started[0].name
    bench.kube.delete("space", second.name)
    status = bench.ended(run_id)
    assert (status.state, len(bench.kube.started)) == (State.FAILED, 2)
    assert status.error == f"task 'say': its pod {second.name} was deleted"


def test_a_pod_deleted_after_its_end_counts(bench: Bench, compiled: Compile) -> None:
    def end_and_delete(step: Any) -> None:
        bench.kube.set_state(step.name, {"terminated": {"exitCode": 0, "message": "{}"}}, "Succeeded")
        bench.kube.delete("space", step.name)

    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.settings))
    end_and_delete(bench.wait_started(1)[0])
    assert bench.ended(run_id).state is State.SUCCEEDED
    assert len(bench.kube.started) == 1


def test_an_object_store_that_is_away_is_waited_for(
    bench: Bench, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkubeflow.pipelines.engine.engine.RETRY_SECONDS", 0.05)
    bench.objects.broken = True
    bench.kube.program = lambda step: {"at": step.job["result"]}
    run_id = bench.submit(compiled(pipelines.settings))
    step = bench.wait_started(1)[0]
    bench.objects.content[step.job["result"]] = b"{}"
    assert bench.store.load(run_id).status.state in {State.PENDING, State.RUNNING}
    bench.objects.broken = False
    assert bench.ended(run_id).state is State.SUCCEEDED


def test_termination_deletes_the_pods(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.steps))
    step = bench.wait_started(1)[0]
    bench.store.wait(run_id, lambda now: "say/executor" in states(now) and bool(now.tasks[-1].pod_name))
    assert bench.engine is not None
    bench.engine.terminate(run_id)
    assert bench.store.load(run_id).status.state in {State.CANCELING, State.CANCELED}
    status = bench.ended(run_id)
    assert status.state is State.CANCELED
    assert set(states(status).values()) == {State.CANCELED}
    assert ("space", step.name) not in bench.kube.pods
    assert [change.state for change in status.state_history] == [
        State.RUNNING,
        State.CANCELING,
        State.CANCELED,
    ]
    bench.engine.terminate(run_id)  # once more changes nothing
    with pytest.raises(UnknownRun):
        bench.engine.terminate("none")


def test_a_termination_outlives_the_engine(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.steps))
    bench.wait_started(1)
    bench.stop()
    Engine(bench.kube, bench.objects, bench.store).terminate(run_id)
    bench.start()
    assert bench.ended(run_id).state is State.CANCELED
    assert not bench.kube.pods


def test_what_is_deleted_leaves_no_pods(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.steps))
    bench.wait_started(1)
    bench.store.remove(run_id)
    assert bench.engine is not None
    bench.engine.forget(run_id)
    until(lambda: not bench.kube.pods)
    assert len(bench.kube.started) == 1


def test_pods_of_runs_that_nobody_knows_are_removed_at_the_start(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.steps))
    bench.wait_started(1)
    bench.stop()
    bench.store.remove(run_id)
    bench.start()
    until(lambda: not bench.kube.pods)


def test_an_unknown_run_is_not_submitted(bench: Bench) -> None:
    with pytest.raises(UnknownRun):
        bench.start().submit("none")
