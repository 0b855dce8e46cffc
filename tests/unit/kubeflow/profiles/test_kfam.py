"""Who has which namespace."""

from __future__ import annotations

from typing import Any

import pytest
from labkubeflow.profiles import kfam
from labkubeflow.profiles.reconcile import reconcile
from starlette.testclient import TestClient

from .fake_kube import FakeKube


@pytest.fixture
def client(kube: FakeKube, profile: dict[str, Any]) -> TestClient:
    reconcile(kube, profile)
    for item in kube.objects.values():
        item["metadata"]["namespace"] = "ada"
    bindings = [item for path, item in kube.objects.items() if "/rolebindings/" in path]
    base = "/apis/rbac.authorization.k8s.io/v1"
    kube.objects[f"{base}/rolebindings"] = {"items": bindings}
    kube.objects[f"{base}/namespaces/ada/rolebindings"] = {"items": bindings}
    kube.objects[f"{base}/namespaces/bob/rolebindings"] = {"items": []}
    return TestClient(kfam.application(kube))


@pytest.mark.parametrize(
    ("query", "namespaces"),
    [
        ({"user": "ada@example.org"}, ["ada"]),
        ({"user": "bob@example.org"}, []),
        ({"namespace": "ada"}, ["ada"]),
        ({"namespace": "bob"}, []),
        ({}, ["ada"]),
    ],
)
def test_bindings(client: TestClient, query: dict[str, str], namespaces: list[str]) -> None:
    found = client.get("/kfam/v1/bindings", params=query).json()["bindings"]
    assert [item["referredNamespace"] for item in found] == namespaces
    assert all(item["roleRef"]["name"] == "admin" for item in found)


def test_contributors_are_refused(client: TestClient) -> None:
    assert client.post("/kfam/v1/bindings", json={}).status_code == 501
    assert client.get("/kfam/v1/role/clusteradmin").json() is False


def test_a_cluster_that_does_not_answer(client: TestClient, kube: FakeKube) -> None:
    kube.objects.clear()
    assert client.get("/kfam/v1/bindings").status_code == 502
