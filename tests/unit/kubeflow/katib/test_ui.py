"""The page, and who may see what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from labkubeflow.katib.ui import app
from starlette.testclient import TestClient

from .conftest import EXPERIMENTS, SPACE, Api, Lab, Object, make_spec

USER = {"kubeflow-userid": "user@example.com"}


class Guarded(Api):
    """An API server that lets one user into one namespace."""

    def may(self, user: str, groups: list[str], attributes: Mapping[str, str]) -> bool:
        assert attributes["group"] == "kubeflow.org"
        assert attributes["verb"]
        return user == USER["kubeflow-userid"] and attributes["namespace"] == SPACE


@pytest.fixture
def api() -> Guarded:
    lab = Lab()
    spec = make_spec(objective={"type": "minimize", "objectiveMetricName": "loss<script>"})
    source = {"filter": {"metricsFormat": ["(loss<script>)=(.*)"]}}
    lab.create({**spec, "metricsCollectorSpec": {"collector": {"kind": "StdOut"}, "source": source}})
    lab.run(lambda _: "loss<script>=0.25", most=1)
    lab.create(make_spec(), "fine")
    lab.run(lambda _: "loss=0.5", "fine")
    made = Guarded()
    made.objects = lab.api.objects
    made.put("/api/v1/namespaces/other", {"metadata": {"name": "other"}})
    path = "/apis/kubeflow.org/v1beta1/namespaces/other/experiments/secret"
    made.put(path, {"metadata": {"name": "secret", "namespace": "other"}, "spec": make_spec()})
    return made


@pytest.fixture
def client(api: Guarded) -> Iterator[TestClient]:
    with TestClient(app(api)) as made:
        yield made


def test_the_page_shows_what_the_user_may_see(client: TestClient, api: Guarded) -> None:
    text = client.get("/katib/", headers=USER).text
    assert "REHEARSAL" in text
    best = api.objects[f"{EXPERIMENTS}/fine"]["status"]["currentOptimalTrial"]
    assert best["bestTrialName"] in text
    assert "6 of 6 succeeded" in text
    assert "loss: 0.5" in text
    assert "secret" not in text
    assert "loss&lt;script&gt;: 0.25" in text
    assert "<script>" not in text


def test_experiments_of_a_namespace(client: TestClient) -> None:
    response = client.get(f"/katib/fetch_experiments/?namespace={SPACE}", headers=USER)
    found: dict[str, Object] = {item["name"]: item for item in response.json()}
    assert set(found) == {"exp", "fine"}
    assert (found["fine"]["status"], found["fine"]["type"]) == ("Succeeded", "hp")
    assert found["fine"]["trialsSucceeded"] == 6


def test_one_object(client: TestClient, api: Guarded) -> None:
    query = f"?namespace={SPACE}&experimentName=fine"
    response = client.get(f"/katib/fetch_experiment/{query}", headers=USER)
    assert response.json()["metadata"]["name"] == "fine"
    query = f"?namespace={SPACE}&suggestionName=fine"
    assert (
        client.get(f"/katib/fetch_suggestion/{query}", headers=USER).json()["status"]["suggestionCount"] == 6
    )
    trial = api.objects[f"{EXPERIMENTS}/fine"]["status"]["succeededTrialList"][0]
    query = f"?namespace={SPACE}&trialName={trial}"
    assert client.get(f"/katib/fetch_trial/{query}", headers=USER).json()["metadata"]["name"] == trial


def test_namespaces(client: TestClient) -> None:
    assert client.get("/katib/fetch_namespaces", headers=USER).json() == [SPACE]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("fetch_experiments/?namespace=user", {}, 401),
        ("", {}, 401),
        ("fetch_experiments/?namespace=other", USER, 403),
        ("fetch_experiments/?namespace=user", {"kubeflow-userid": "other@example.com"}, 403),
        ("fetch_experiment/?namespace=other&experimentName=secret", USER, 403),
        ("delete_experiment/?namespace=other&experimentName=secret", USER, 403),
        ("fetch_experiments/", USER, 400),
        ("fetch_experiment/?namespace=user", USER, 400),
        ("fetch_experiments/?namespace=user/../other", USER, 400),
        ("fetch_experiment/?namespace=user&experimentName=nobody", USER, 404),
        ("fetch_hp_job_info/?namespace=user&experimentName=fine", USER, 501),
    ],
)
def test_refusals(client: TestClient, path: str, headers: dict[str, str], status: int) -> None:
    assert client.get(f"/katib/{path}", headers=headers).status_code == status


def test_deletion(client: TestClient, api: Guarded) -> None:
    query = f"?namespace={SPACE}&experimentName=fine"
    response = client.delete(f"/katib/delete_experiment/{query}", headers=USER)
    assert [item["name"] for item in response.json()] == ["exp"]
    assert f"{EXPERIMENTS}/fine" not in api.objects
