from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from lab.testing.kube import Kube, KubeError

RESOURCES = {
    "/api/v1": [("pods", "Pod", True), ("pods/log", "Pod", True), ("namespaces", "Namespace", False)],
    "/apis/apps/v1": [("deployments", "Deployment", True)],
}


class Raw:
    """An answer that is not parsed."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class FakeApi:
    """An API client whose server knows a few kinds and objects, and refuses all else."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {"/api/v1/namespaces/ns/pods/web": {"metadata": {"name": "web"}}}
        self.asked: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def call_api(self, path: str, method: str, **options: Any) -> Any:
        self.asked.append((method, path))
        if self.error:
            raise self.error
        if path in RESOURCES:
            return {
                "resources": [
                    {"name": name, "kind": kind, "namespaced": namespaced, "verbs": ["list"]}
                    for name, kind, namespaced in RESOURCES[path]
                ]
            }
        if path == "/apis":
            return {
                "groups": [
                    {"preferredVersion": {"groupVersion": gv}} for gv in ("apps/v1", "metrics.k8s.io/v1")
                ]
            }
        if path.startswith("/apis/metrics"):
            raise ApiException(status=503, reason="Service Unavailable")
        if not options["_preload_content"]:
            return Raw(b'{"a line of a log": "that looks like JSON"}\n\xff')
        if method == "POST":
            return options["body"]
        if path in self.objects:
            return self.objects[path]
        error = ApiException(status=404, reason="Not Found")
        error.body = json.dumps({"message": "there is none"})
        raise error


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def kube(api: FakeApi) -> Kube:
    return Kube(api)


def test_the_server_says_how_a_kind_is_called(kube: Kube, api: FakeApi) -> None:
    assert kube.path("v1", "Pod", "web", namespace="ns") == "/api/v1/namespaces/ns/pods/web"
    assert kube.path("v1", "Pod") == "/api/v1/pods"
    assert kube.path("v1", "Namespace", "ns", namespace="ns") == "/api/v1/namespaces/ns"
    assert kube.path("apps/v1", "Deployment", namespace="ns") == "/apis/apps/v1/namespaces/ns/deployments"
    assert api.asked == [("GET", "/api/v1"), ("GET", "/apis/apps/v1")]
    with pytest.raises(KubeError, match="knows no Notebook in v1"):
        kube.path("v1", "Notebook")


def test_what_is_not_there(kube: Kube, api: FakeApi) -> None:
    assert kube.get("v1", "Pod", "web", "ns") is not None
    assert kube.get("v1", "Pod", "other", "ns") is None
    kube.delete("v1", "Pod", "other", "ns")
    with pytest.raises(KubeError, match="404 there is none") as caught:
        kube.list("v1", "Pod", "ns")
    assert caught.value.status == 404


def test_create_goes_where_the_object_says(kube: Kube, api: FakeApi) -> None:
    item = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "ns"}}
    assert kube.create(item) == item
    assert api.asked[-1] == ("POST", "/api/v1/namespaces/ns/pods")


def test_a_log_is_text_whatever_it_looks_like(kube: Kube) -> None:
    assert kube.logs("ns", "web") == '{"a line of a log": "that looks like JSON"}\n\ufffd'


def test_all_kinds_but_those_that_nobody_serves(kube: Kube) -> None:
    assert list(kube.kinds()) == [("v1", "Pod"), ("v1", "Namespace"), ("apps/v1", "Deployment")]


@pytest.mark.parametrize("make", [lambda: ConnectionRefusedError("refused"), lambda: TimeoutError("late")])
def test_no_answer_is_an_error_of_ours(kube: Kube, api: FakeApi, make: Callable[[], Exception]) -> None:
    api.error = make()
    with pytest.raises(KubeError, match="no answer") as caught:
        kube.get("v1", "Pod", "web", "ns")
    assert caught.value.status == 0
