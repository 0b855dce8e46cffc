from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from .conftest import ANN, SPEC, TOKEN, Cluster, World


def test_health_is_told_to_everyone(world: World) -> None:
    assert world.client("").get("/healthz").json() == {"multi_user": True}


def test_somebody_unknown_is_asked_who_that_is(world: World) -> None:
    answer = world.client("").get("/experiments", params={"namespace": "ann"})
    assert (answer.status_code, answer.json()["code"]) == (401, 16)


def test_a_token_for_pipelines_is_as_good_as_the_header(world: World) -> None:
    client = world.client("")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/runs", params={"namespace": "ann"}, headers=headers).status_code == 200
    assert client.get("/runs", params={"namespace": "bob"}, headers=headers).status_code == 403


@pytest.mark.parametrize("value", ["Bearer garbage", "Bearer ", f"Basic {TOKEN}"])
def test_another_token_is_not(world: World, value: str) -> None:
    answer = world.client("").get("/runs", params={"namespace": "ann"}, headers={"Authorization": value})
    assert answer.status_code == 401


def test_a_token_for_others_is_not(world: World) -> None:
    world.cluster.audiences = ["https://kubernetes.default.svc"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert world.client("").get("/runs", params={"namespace": "ann"}, headers=headers).status_code == 401


def test_a_stranger_gets_nothing_of_a_namespace(ann: TestClient, bob: TestClient, experiment: str) -> None:
    run = {"display_name": "r", "experiment_id": experiment, "pipeline_spec": SPEC}
    run_id = ann.post("/runs", json=run).json()["run_id"]
    more = {"max_concurrency": "1", "trigger": {"cron_schedule": {"cron": "0 0 0 1 1 *"}}}
    job_id = ann.post("/recurringruns", json={**run, **more}).json()["recurring_run_id"]
    pipeline = ann.post("/pipelines", json={"display_name": "p", "namespace": "ann"}).json()["pipeline_id"]
    for method, path in (
        ("GET", "/experiments?namespace=ann"),
        ("GET", f"/experiments/{experiment}"),
        ("POST", f"/experiments/{experiment}:archive"),
        ("DELETE", f"/experiments/{experiment}"),
        ("GET", "/runs?namespace=ann"),
        ("GET", f"/runs?experiment_id={experiment}"),
        ("GET", f"/runs/{run_id}"),
        ("POST", f"/runs/{run_id}:terminate"),
        ("POST", f"/runs/{run_id}:archive"),
        ("DELETE", f"/runs/{run_id}"),
        ("GET", "/recurringruns?namespace=ann"),
        ("GET", f"/recurringruns/{job_id}"),
        ("POST", f"/recurringruns/{job_id}:disable"),
        ("DELETE", f"/recurringruns/{job_id}"),
        ("GET", "/pipelines?namespace=ann"),
        ("GET", f"/pipelines/{pipeline}"),
        ("GET", f"/pipelines/{pipeline}/versions"),
        ("GET", "/pipelines/names/p?namespace=ann"),
        ("DELETE", f"/pipelines/{pipeline}"),
    ):
        answer = bob.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, 7), path
    assert "is not authorized with reason" in answer.json()["message"]
    for path, body in (
        ("/experiments", {"display_name": "x", "namespace": "ann"}),
        ("/pipelines", {"display_name": "x", "namespace": "ann"}),
        ("/runs", run),
        ("/recurringruns", {**run, **more}),
    ):
        assert bob.post(path, json=body).status_code == 403, path
    assert ann.get(f"/runs/{run_id}").status_code == 200


def test_a_run_of_a_stranger_s_pipeline_is_refused(ann: TestClient, bob: TestClient) -> None:
    made = ann.post(
        "/pipelines/upload",
        params={"name": "p", "namespace": "ann"},
        files={"uploadfile": ("p.yaml", '{"root": {}}')},
    ).json()["pipeline_id"]
    mine = bob.post("/experiments", json={"display_name": "x", "namespace": "bob"}).json()["experiment_id"]
    run = {"display_name": "r", "experiment_id": mine, "pipeline_version_reference": {"pipeline_id": made}}
    assert bob.post("/runs", json=run).status_code == 403


def test_a_positive_answer_is_believed_for_some_seconds(world: World, ann: TestClient) -> None:
    for _ in range(3):
        assert ann.get("/runs", params={"namespace": "ann"}).status_code == 200
    assert world.cluster.asked == [(ANN, "ann", "list", "pipelines.kubeflow.org", "v1beta1", "runs", "")]
    world.clock.now += 6
    assert ann.get("/runs", params={"namespace": "ann"}).status_code == 200
    assert len(world.cluster.asked) == 2


def test_a_refusal_is_not_kept(world: World, bob: TestClient) -> None:
    for _ in range(2):
        assert bob.get("/runs", params={"namespace": "ann"}).status_code == 403
    assert len(world.cluster.asked) == 2


def test_nobody_passes_while_the_cluster_is_silent(world: World, ann: TestClient) -> None:
    world.cluster.down = True
    answer = ann.get("/runs", params={"namespace": "ann"})
    assert (answer.status_code, answer.json()["code"]) == (503, 14)
    assert Cluster().down is False


def test_what_is_not_supported_is_said_to_be(ann: TestClient) -> None:
    for method, path in (
        ("GET", "/auth?namespace=ann"),
        ("POST", "/visualizations/ann"),
        ("POST", "/workflows"),
        ("PUT", "/experiments"),
        ("GET", "http://testserver/apis/v1beta1/runs"),
    ):
        answer = ann.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (501, 12), path
        assert "is not supported" in answer.json()["message"]
    assert ann.get("/nothing").status_code == 404


def test_a_bug_is_not_told_to_whoever_asked(
    world: World, ann: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(world.stores.runs, "page", fail)
    answer = ann.get("/runs", params={"namespace": "ann"})
    assert (answer.status_code, answer.json()["message"]) == (500, "Internal Server Error")
    assert "secret" in caplog.text
