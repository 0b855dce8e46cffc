from __future__ import annotations

from typing import Any

import pytest
from labkubeflow.pipelines.model import Artifact, RunStatus, State, StateChange, TaskDetail, Values
from starlette.testclient import TestClient

from .conftest import SPEC, World
from .forms import same_as_sent


def _run(client: TestClient, experiment: str, name: str = "r", **more: Any) -> dict[str, Any]:
    body = {"display_name": name, "experiment_id": experiment, "pipeline_spec": SPEC, **more}
    answer = client.post("/runs", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_run_is_put_down_and_begun(ann: TestClient, world: World, experiment: str) -> None:
    parameters = {"n": 3, "x": 0.5, "text": "a", "list": [1, {"b": None}], "on": False}
    config = {"parameters": parameters, "pipeline_root": "minio://mlpipeline/mine"}
    run = _run(ann, experiment, description="words", runtime_config=config)
    same_as_sent("V2beta1Run", "Run", run)
    assert world.engine.submitted == [run["run_id"]]
    request = world.stores.runs.load(run["run_id"]).request
    assert (request.namespace, request.name, request.service_account) == ("ann", "r", "default-editor")
    assert (request.parameters, request.pipeline_root) == (parameters, "minio://mlpipeline/mine")
    assert request.pipeline_spec == SPEC
    assert run["runtime_config"] == config
    assert (run["state"], run["storage_state"], run["description"]) == ("PENDING", "AVAILABLE", "words")
    assert run["pipeline_spec"] == SPEC
    assert run["created_at"] == run["scheduled_at"] == "2023-11-14T22:13:20Z"
    assert run["finished_at"] == "1970-01-01T00:00:00Z"
    assert run["state_history"] == [{"state": "PENDING", "update_time": "2023-11-14T22:13:20Z"}]
    assert "error" not in run
    assert ann.get(f"/runs/{run['run_id']}").json() == run


def test_runs_that_cannot_be_are_refused(ann: TestClient, world: World, experiment: str) -> None:
    good = {"display_name": "r", "experiment_id": experiment, "pipeline_spec": SPEC}
    for change, status in (
        ({"display_name": ""}, 400),
        ({"experiment_id": ""}, 400),
        ({"experiment_id": "none"}, 404),
        ({"pipeline_spec": None}, 400),
        ({"pipeline_spec": {"pipelineInfo": {"name": "x"}}}, 400),
        ({"runtime_config": {"parameters": {"unknown": 1}}}, 400),
        ({"runtime_config": {"parameter": {"n": 1}}}, 400),
        ({"pipeline_version_reference": {"pipeline_id": "none"}}, 400),
        ({"pipeline_spec": None, "pipeline_version_reference": {"pipeline_id": "none"}}, 404),
        ({"pipeline_spec": None, "pipeline_version_id": "none"}, 404),
        ({"tags": ["x"]}, 400),
    ):
        answer = ann.post("/runs", json={**good, **change})
        assert answer.status_code == status, (change, answer.text)
    assert world.engine.submitted == []
    assert ann.get("/runs", params={"namespace": "ann"}).json() == {}


@pytest.mark.parametrize("text", ["NaN", "Infinity", '"\\ud800"', "[" * 5000 + "]" * 5000])
def test_values_that_json_does_not_have_are_refused(ann: TestClient, experiment: str, text: str) -> None:
    body = '{"display_name": "r", "experiment_id": "%s", "runtime_config": {"parameters": {"n": %s}}}'
    answer = ann.post("/runs", content=body % (experiment, text))
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_run_of_a_version(ann: TestClient, world: World, experiment: str) -> None:
    files = {"uploadfile": ("p.json", '{"root": {"first": 1}}')}
    pipeline = ann.post("/pipelines/upload", files=files).json()["pipeline_id"]
    (first,) = ann.get(f"/pipelines/{pipeline}/versions").json()["pipeline_versions"]
    world.clock.now += 1
    files = {"uploadfile": ("q.json", '{"root": {"second": 2}}')}
    query = {"pipelineid": pipeline}
    second = ann.post("/pipelines/upload_version", params=query, files=files).json()
    for asked, wanted in (
        ({"pipeline_id": pipeline, "pipeline_version_id": first["pipeline_version_id"]}, first),
        ({"pipeline_version_id": first["pipeline_version_id"]}, first),
        ({"pipeline_id": pipeline}, second),
    ):
        run = _run(ann, experiment, pipeline_spec=None, pipeline_version_reference=asked)
        same_as_sent("V2beta1Run", "Run", run)
        version_id = wanted["pipeline_version_id"]
        reference = {"pipeline_id": pipeline, "pipeline_version_id": version_id}
        assert run["pipeline_version_reference"] == reference
        assert "pipeline_spec" not in run
        assert world.stores.runs.load(run["run_id"]).request.pipeline_spec == wanted["pipeline_spec"]


def test_tasks_are_told(ann: TestClient, world: World, experiment: str) -> None:
    run_id = _run(ann, experiment)["run_id"]
    executor = TaskDetail(
        task_id="t3",
        display_name="executor",
        path="hello.executor",
        parent_task_id="t2",
        state=State.FAILED,
        created_at=1_700_000_000,
        started_at=1_700_000_001,
        finished_at=1_700_000_002,
        error="exit code 1",
        state_history=[StateChange(State.FAILED, 1_700_000_002, "exit code 1")],
        pod_name="r-abc",
        inputs=Values({"n": 3}),
        outputs=Values({}, {"data": [Artifact("data", "minio://b/k", "system.Dataset", {"rows": 2})]}),
    )
    component = TaskDetail("t2", "hello", "hello", "t1", ["t3"], State.FAILED, 1_700_000_000)
    root = TaskDetail("t1", "root", "", "", ["t2"], State.FAILED, 1_700_000_000)
    status = RunStatus(
        State.FAILED,
        "hello has failed",
        1_700_000_003,
        [StateChange(State.PENDING, 1), StateChange(State.FAILED, 1_700_000_003, "hello has failed")],
        [root, component, executor],
    )
    world.stores.runs.save_status(run_id, status)
    run = ann.get(f"/runs/{run_id}").json()
    same_as_sent("V2beta1Run", "Run", run)
    assert (run["state"], run["error"]) == ("FAILED", {"code": 13, "message": "hello has failed"})
    assert run["finished_at"] == "2023-11-14T22:13:23Z"
    details = {item["task_id"]: item for item in run["run_details"]["task_details"]}
    assert details["t1"]["child_tasks"] == [{"task_id": "t2"}]
    assert details["t2"]["child_tasks"] == [{"pod_name": "r-abc"}]
    told = details["t3"]
    assert (told["run_id"], told["display_name"], told["parent_task_id"]) == (run_id, "executor", "t2")
    assert (told["pod_name"], told["executor_detail"]) == ("r-abc", {"main_job": "r-abc"})
    assert (told["state"], told["error"]["message"]) == ("FAILED", "exit code 1")
    assert told["state_history"][0]["error"] == {"code": 13, "message": "exit code 1"}
    assert (told["start_time"], told["end_time"]) == ("2023-11-14T22:13:21Z", "2023-11-14T22:13:22Z")
    tree = ann.get(f"http://testserver/apis/rehearsal/runs/{run_id}").json()
    assert tree["tasks"][2]["inputs"]["parameters"] == {"n": 3}
    assert tree["tasks"][2]["outputs"]["artifacts"]["data"][0]["uri"] == "minio://b/k"


def test_the_engine_and_the_server_do_not_undo_each_other(
    ann: TestClient, world: World, experiment: str
) -> None:
    run_id = _run(ann, experiment)["run_id"]
    assert ann.post(f"/runs/{run_id}:archive").json() == {}
    world.engine.finish(run_id)
    run = ann.get(f"/runs/{run_id}").json()
    assert (run["storage_state"], run["state"]) == ("ARCHIVED", "SUCCEEDED")
    assert ann.post(f"/runs/{run_id}:unarchive").json() == {}
    assert ann.get(f"/runs/{run_id}").json()["storage_state"] == "AVAILABLE"


def test_lists(ann: TestClient, world: World, experiment: str) -> None:
    other = ann.post("/experiments", json={"display_name": "other", "namespace": "ann"}).json()[
        "experiment_id"
    ]
    for name, where in (("a", experiment), ("b", other), ("c", experiment)):
        world.clock.now += 1
        _run(ann, where, name)

    def names(**query: str) -> str:
        answer = ann.get("/runs", params=query)
        assert answer.status_code == 200, answer.text
        same_as_sent("V2beta1ListRunsResponse", "ListRunsResponse", answer.json())
        return "".join(run["display_name"] for run in answer.json().get("runs", []))

    assert names(namespace="ann") == "abc"
    assert names(namespace="ann", sort_by="created_at desc") == "cba"
    assert names(experiment_id=experiment) == "ac"
    assert names(experiment_id=other, namespace="ann") == "b"
    world.engine.finish(world.engine.submitted[0])
    done = '{"predicates": [{"key": "state", "operation": 1, "stringValue": "SUCCEEDED"}]}'
    assert names(namespace="ann", filter=done) == "a"
    assert ann.get("/runs").status_code == 400
    assert ann.get("/runs", params={"experiment_id": other, "namespace": "bob"}).status_code == 400
    assert ann.get("/runs", params={"experiment_id": "none"}).status_code == 404


def test_an_end_before_time(ann: TestClient, world: World, experiment: str) -> None:
    run_id = _run(ann, experiment)["run_id"]
    assert ann.post(f"/runs/{run_id}:terminate").json() == {}
    assert world.engine.terminated == [run_id]
    assert ann.get(f"/runs/{run_id}").json()["state"] == "CANCELING"
    assert ann.post(f"/runs/{run_id}:terminate").status_code == 400
    world.engine.finish(run_id, State.CANCELED)
    assert ann.post(f"/runs/{run_id}:terminate").status_code == 400
    assert world.engine.terminated == [run_id]


def test_deletion_clears_up(ann: TestClient, world: World, experiment: str) -> None:
    run_id = _run(ann, experiment)["run_id"]
    assert ann.delete(f"/runs/{run_id}").json() == {}
    assert world.engine.forgotten == [run_id]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", ":terminate"), ("POST", ":archive")):
        assert ann.request(method, f"/runs/{run_id}{path}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ":retry"), ("GET", "/nodes/n/artifacts/a:read")], ids=["retry", "artifact"]
)
def test_what_is_not_done_is_refused(ann: TestClient, experiment: str, method: str, path: str) -> None:
    run_id = _run(ann, experiment)["run_id"]
    answer = ann.request(method, f"/runs/{run_id}{path}")
    assert (answer.status_code, answer.json()["code"]) == (501, 12)
