"""The webhook as the API server asks it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.poddefault import app, merge
from starlette.testclient import TestClient

Object = dict[str, Any]
DEFAULT: Object = {
    "metadata": {"name": "one", "namespace": "ada", "resourceVersion": "7"},
    "spec": {"selector": {"matchLabels": {"give": "true"}}, "env": [{"name": "A", "value": "1"}]},
}
APPLICATION = Path("rehearsal/images/juju/juju_controller/bundle/applications/admission-webhook.yaml")


class Api(Kube):
    """Has some PodDefaults in the namespace ada."""

    def __init__(self, *defaults: Object) -> None:
        self.defaults = list(defaults)
        self.error: KubeError | None = None

    def request(self, method: str, path: str, *_: Any, **__: Any) -> Object:
        """See `Kube.request`."""
        if self.error:
            raise self.error
        assert (method, path) == ("GET", "/apis/kubeflow.org/v1alpha1/namespaces/ada/poddefaults")
        return {"items": self.defaults}


def pod(labels: Object | None = None, **annotations: str) -> Object:
    metadata = {"generateName": "pod-", "labels": labels, "annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main"}], "restartPolicy": "Never"}}


def ask(api: Api, item: Object) -> Object:
    """Return the response to the question about a pod."""
    request = {"uid": "1234", "namespace": "ada", "operation": "CREATE", "object": item}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    answer = TestClient(app.application(api)).post("/apply-poddefault", json=review)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["apiVersion"], body["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert body["response"]["uid"] == "1234"
    response: Object = body["response"]
    return response


def test_a_selected_pod_is_patched() -> None:
    response = ask(Api(DEFAULT), pod({"give": "true"}))
    assert (response["allowed"], response["patchType"]) == (True, "JSONPatch")
    patch = {item["path"]: item["value"] for item in json.loads(base64.b64decode(response["patch"]))}
    assert patch == {
        "/metadata/annotations": {f"{merge.PREFIX}/poddefault-one": "7"},
        "/spec/containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}],
    }


@pytest.mark.parametrize(
    "item",
    [
        pod(),
        pod({"give": "false"}),
        pod({"give": "true"}, **{"poddefault.admission.kubeflow.org/exclude": "true"}),
        pod({"give": "true"}, **{"kubernetes.io/config.mirror": "x"}),
    ],
)
def test_other_pods_are_left_alone(item: Object) -> None:
    assert ask(Api(DEFAULT), item) == {"uid": "1234", "allowed": True}


def test_a_conflict_is_refused() -> None:
    other = {"metadata": {"name": "two"}, "spec": {"selector": {}, "env": [{"name": "A", "value": "2"}]}}
    response = ask(Api(DEFAULT, other), pod({"give": "true"}))
    assert response["allowed"] is False
    message = response["status"]["message"]
    assert message.startswith("conflict occurred while applying poddefaults: one,two on pod: pod- err: ")


def test_a_selector_without_sense_is_refused() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
    other = {"metadata": {"name": "two"}, "spec": {"selector": selector}}
    response = ask(Api(other), pod())
    assert response["allowed"] is False
    assert response["status"]["message"].startswith("label selector conversion failed")


def test_without_an_answer_of_the_cluster_there_is_none() -> None:
    api = Api(DEFAULT)
    api.error = KubeError(0, "", "the API server cannot be reached")
    request = {"uid": "1", "namespace": "ada", "object": pod()}
    review = {"apiVersion": "admission.k8s.io/v1", "request": request}
    answer = TestClient(app.application(api)).post(app.PATH, json=review)
    assert (answer.status_code, "cannot be reached" in answer.text) == (503, True)


def test_the_configuration_is_the_charms() -> None:
    made = app.configuration({"metadata": {"name": "kubeflow", "uid": "u"}}, b"PEM")
    [webhook] = made["webhooks"]
    service = webhook["clientConfig"]["service"]
    assert base64.b64decode(webhook["clientConfig"]["caBundle"]) == b"PEM"
    assert webhook["failurePolicy"] == "Fail"
    assert webhook["namespaceSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "kubeflow-profile"}
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Namespace"
    workload = yaml.safe_load(APPLICATION.read_text(encoding="utf-8"))["workload"]
    assert (service["name"], service["port"]) == (APPLICATION.stem, workload["port"])
    [role] = [item for item in workload["extra"] if item["kind"] == "ClusterRole"]
    assert [rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule] == [
        [made["metadata"]["name"]]
    ]
