"""Whole runs on a fake cluster; the pipelines are compiled by the real SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from labkubeflow.pipelines.model import State

from . import pipelines
from .conftest import Bench, Result, Started, states, task

Compile = Callable[[Any], dict[str, Any]]


def calculate(step: Started) -> Result:
    """Do what the steps of `pipelines` would do."""
    names = [parameter["name"] for parameter in step.job["parameters"]]
    if "--function_to_execute" in step.command:
        given = step.executor_input.get("inputs", {}).get("parameterValues", {})
        value: dict[str, Callable[[], Any]] = {
            "make": lambda: given["n"] * 1.5,
            "use": lambda: str(given["v"]),
            "numbers": lambda: [1, 2, 3],
        }
        function = step.command[step.command.index("--function_to_execute") + 1]
        artifacts = {
            item["name"]: {"artifacts": [{"metadata": {"rows": 5}}]} for item in step.job["artifacts"]
        }
        return {"metadata": {"parameterValues": {"Output": value[function]()}, "artifacts": artifacts}}
    return {"parameters": dict.fromkeys(names, "said")}


def test_values_and_artifacts_pass_through_nested_dags(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = calculate
    status = bench.run(compiled(pipelines.nested), parameters={"n": 3})
    assert (status.state, status.error) == (State.SUCCEEDED, "")
    assert task(status, "").outputs.parameters == {"Output": "4.5"}
    data = task(status, "inner/make").outputs.artifacts["data"][0]
    assert data.uri == "minio://mlpipeline/v2/artifacts/nested/0000-1/inner/make/data"
    assert (data.type, data.metadata) == ("system.Dataset", {"rows": 5})
    use = next(step for step in bench.kube.started if step.task == "inner/use")
    path = "/minio/mlpipeline/v2/artifacts/nested/0000-1/inner/make/data"
    assert use.job["inputs"] == [{"name": "data", "uri": data.uri, "path": path}]
    assert use.executor_input["inputs"]["artifacts"]["data"]["artifacts"][0]["metadata"] == {"rows": 5}
    assert use.executor_input["inputs"]["parameterValues"] == {"v": 4.5}
    shout = next(step for step in bench.kube.started if step.task == "shout")
    assert shout.command[3] == "4.5 of 0000-1"
    assert shout.command[5].endswith("/shout/art")
    assert shout.command[6:] == ["none", "<4.5 of 0000-1>"]
    assert task(status, "shout").outputs.parameters == {"out": "said"}
    assert task(status, "inner/make/executor").pod_name == bench.kube.started[0].name
    assert len({step.name for step in bench.kube.started}) == 3


@pytest.mark.parametrize(
    ("flag", "n", "ran"),
    [(True, 6, {"yes", "more", "big"}), (False, 5, {"small"})],
)
def test_conditions_skip_what_depends_on_them(
    bench: Bench, compiled: Compile, flag: bool, n: int, ran: set[str]
) -> None:
    status = bench.run(compiled(pipelines.branches), parameters={"flag": flag, "n": n})
    assert status.state is State.SUCCEEDED
    assert {step.command[-1] for step in bench.kube.started} == ran
    skipped = states(status)["condition-1"]
    assert skipped is (State.SUCCEEDED if flag else State.SKIPPED)


def test_loops_run_each_item_and_keep_to_their_limit(bench: Bench, compiled: Compile) -> None:
    running: set[str] = set()

    def one_at_a_time(step: Started) -> Result:
        if "for-loop-1[" in step.task and "make" in step.task:
            running.add(step.task)
            return None
        return calculate(step)

    bench.kube.program = one_at_a_time
    run_id = bench.submit(compiled(pipelines.loops))
    for number in range(3):
        bench.store.wait(run_id, lambda _, wanted=number + 1: len(running) == wanted)  # type: ignore[misc]
        step = next(step for step in bench.kube.started if f"for-loop-1[{number}]" in step.task)
        assert step.executor_input["inputs"]["parameterValues"]["n"] == number + 1
        bench.kube.end(step.name, calculate(step))  # type: ignore[arg-type]
    status = bench.ended(run_id)
    assert status.state is State.SUCCEEDED
    values = {
        step.executor_input["inputs"]["parameterValues"]["n"]
        for step in bench.kube.started
        if "for-loop-3" in step.task or "for-loop-2" in step.task
    }
    assert values == {10, 30}


def test_a_failing_step_fails_the_run_with_its_words(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: "exit status 3: no such thing" if step.command[-1] == "second" else {}
    status = bench.run(compiled(pipelines.steps))
    assert status.state is State.FAILED
    assert status.error == "task 'say-2': exit status 3: no such thing"
    assert task(status, "say-2").error == "exit status 3: no such thing"
    assert "say-3" not in states(status)


def test_the_second_run_comes_from_the_cache(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = calculate
    spec = compiled(pipelines.nested)
    bench.run(spec)
    first = len(bench.kube.started)
    status = bench.run(spec)
    # The text holds the run's own ID, so this one step differs.
    assert [step.task for step in bench.kube.started[first:]] == ["shout"]
    executor = task(status, "inner/make/executor")
    assert (executor.state, executor.cached, executor.pod_name) == (State.SKIPPED, True, "")
    assert task(status, "inner/make").state is State.SUCCEEDED
    assert "0000-1" in task(status, "inner/make").outputs.artifacts["data"][0].uri
    assert task(status, "").outputs.parameters == {"Output": "4.5"}
    bench.run(spec, parameters={"n": 4})
    assert len(bench.kube.started) == first + 1 + 3
    steps = compiled(pipelines.steps)
    bench.run(steps)
    before = len(bench.kube.started)
    bench.run(steps)
    assert len(bench.kube.started) == before + 3, "these have switched the cache off"


def test_a_step_is_tried_again_as_often_as_its_policy_says(bench: Bench, compiled: Compile) -> None:
    spec = compiled(pipelines.settings)
    answers: list[Result] = ["no", "still no", {}]
    bench.kube.program = lambda step: answers[len(bench.kube.started) - 1]
    status = bench.run(spec)
    assert (status.state, len(bench.kube.started)) == (State.SUCCEEDED, 3)
    assert len({step.name for step in bench.kube.started}) == 3
    bench.kube.started.clear()
    bench.kube.program = lambda step: "never"
    status = bench.run({**spec, "pipelineInfo": {"name": "other"}})
    assert (status.state, len(bench.kube.started)) == (State.FAILED, 3)


def test_a_retry_waits(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: "no"
    run_id = bench.submit(compiled(pipelines.slow_retry))
    status = bench.store.wait(run_id, lambda now: any(found.retry_at for found in now.tasks))
    executor = task(status, "say/executor")
    assert executor.state is State.PENDING
    assert executor.retry_at == pytest.approx(executor.started_at or executor.created_at, abs=3700)
    assert len(bench.kube.started) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_an_exit_handler_runs_in_any_case(bench: Bench, compiled: Compile, fails: bool) -> None:
    bench.kube.program = lambda step: "bad" if fails and step.command[-1] == "first" else {}
    status = bench.run(compiled(pipelines.farewell))
    assert status.state is (State.FAILED if fails else State.SUCCEEDED)
    ran = [step.command[-1] for step in bench.kube.started]
    assert ran == (["first", "bye"] if fails else ["first", "second", "bye"])


@pytest.mark.parametrize(("given", "words"), [({}, ["none"]), ({"opt": "o"}, ["--opt", "o"])])
def test_an_optional_input(bench: Bench, compiled: Compile, given: dict[str, Any], words: list[str]) -> None:
    bench.kube.program = calculate
    status = bench.run(compiled(pipelines.optional), parameters=given)
    assert status.state is State.SUCCEEDED, status.error
    assert bench.kube.started[0].command[6:-1] == words


def test_a_pod_has_what_upstreams_has(bench: Bench, compiled: Compile) -> None:
    bench.run(compiled(pipelines.settings))
    pod = bench.kube.started[0].pod
    labels = {"pipeline/runid": "0000-1", "pipelines.kubeflow.org/v2_component": "true"}
    assert pod["metadata"]["labels"] == labels
    assert pod["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
    assert pod["spec"]["serviceAccountName"] == "default-editor"
    main = pod["spec"]["containers"][0]
    assert (main["name"], main["image"]) == ("main", "lab/shell:1")
    assert main["env"][0] == {"name": "A", "value": "b"}
    assert main["resources"] == {
        "requests": {"cpu": "0.25", "memory": "0.0671089G"},
        "limits": {"cpu": "0.5", "memory": "0.104858G"},
    }
    assert json.loads(main["command"][2])["endpoint"] == "http://minio.kubeflow:9000"


def test_a_long_result_is_read_from_the_object_store(bench: Bench, compiled: Compile) -> None:
    result = {"metadata": {"parameterValues": {"Output": [7]}}}

    def program(step: Started) -> Result:
        if "numbers" in step.task:
            bench.objects.content[step.job["result"]] = json.dumps(result).encode()
            return {"at": step.job["result"]}
        return calculate(step)

    bench.kube.program = program
    status = bench.run(compiled(pipelines.loops))
    assert task(status, "numbers").outputs.parameters == {"Output": [7]}
    assert "for-loop-1[0]/make" in states(status)


def test_an_output_of_another_type_fails_the_step(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: {}
    status = bench.run(compiled(pipelines.loops))
    assert status.state is State.FAILED
    assert "'Output': the step did not write it" in status.error


def test_a_pod_that_waits_for_its_image_leaves_the_run_running(bench: Bench, compiled: Compile) -> None:
    bench.kube.program = lambda step: None
    run_id = bench.submit(compiled(pipelines.settings))
    step = bench.wait_started(1)[0]
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    bench.kube.set_state(step.name, waiting, "Pending")
    status = bench.store.wait(run_id, lambda now: bool(now.tasks) and now.tasks[-1].state is State.PENDING)
    assert status.state is State.RUNNING


def test_a_refused_pod_fails_the_step_but_a_quota_does_not(bench: Bench, compiled: Compile) -> None:
    bench.kube.refusal = PermissionError('namespaces "space" not found')
    status = bench.run(compiled(pipelines.settings))
    assert status.error == "task 'say': the pod was refused: namespaces \"space\" not found"
    bench.kube.refusal = PermissionError("exceeded quota: kf-resource-quota")
    run_id = bench.submit(compiled(pipelines.settings))
    status = bench.store.wait(run_id, lambda now: len(now.tasks) == 3)
    assert status.state is State.RUNNING
