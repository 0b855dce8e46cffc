"""What becomes of a Profile."""

from __future__ import annotations

from typing import Any

import kopf
import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.profiles.objects import LABELS
from labkubeflow.profiles.reconcile import handle, reconcile

from .fake_kube import FakeKube

NAMESPACE = "/api/v1/namespaces/ada"
QUOTA = f"{NAMESPACE}/resourcequotas/kf-resource-quota"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/ada/rolebindings"


def test_a_profile_becomes_a_namespace_with_accounts_and_rights(
    kube: FakeKube, profile: dict[str, Any]
) -> None:
    reconcile(kube, profile)
    metadata = kube.objects[NAMESPACE]["metadata"]
    assert metadata["labels"] == LABELS
    assert metadata["annotations"] == {"owner": "ada@example.org"}
    roles = {
        name: (kube.objects[f"{BINDINGS}/{name}"]["roleRef"]["name"], subject["kind"], subject["name"])
        for name in ("namespaceAdmin", "default-editor", "default-viewer")
        for subject in kube.objects[f"{BINDINGS}/{name}"]["subjects"]
    }
    assert roles == {
        "namespaceAdmin": ("kubeflow-admin", "User", "ada@example.org"),
        "default-editor": ("kubeflow-edit", "ServiceAccount", "default-editor"),
        "default-viewer": ("kubeflow-view", "ServiceAccount", "default-viewer"),
    }
    assert QUOTA not in kube.objects


def test_everything_goes_with_the_profile(kube: FakeKube, profile: dict[str, Any]) -> None:
    reconcile(kube, profile)
    for path, item in kube.objects.items():
        owners = item["metadata"]["ownerReferences"]
        assert [owner["uid"] for owner in owners] == ["1234"], path


def test_a_quota_comes_and_goes_with_the_specification(kube: FakeKube, profile: dict[str, Any]) -> None:
    profile["spec"]["resourceQuotaSpec"] = {"hard": {"cpu": "2"}}
    reconcile(kube, profile)
    assert kube.objects[QUOTA]["spec"] == {"hard": {"cpu": "2"}}
    profile["spec"]["resourceQuotaSpec"] = {"hard": {"cpu": "3"}}
    reconcile(kube, profile)
    assert kube.objects[QUOTA]["spec"] == {"hard": {"cpu": "3"}}
    del profile["spec"]["resourceQuotaSpec"]
    reconcile(kube, profile)
    assert QUOTA not in kube.objects


@pytest.mark.parametrize("annotations", [{}, {"owner": "bob@example.org"}])
def test_a_foreign_namespace_is_left_alone(
    kube: FakeKube, profile: dict[str, Any], annotations: dict[str, str]
) -> None:
    foreign = {"metadata": {"name": "ada", "annotations": annotations}}
    kube.objects = {NAMESPACE: foreign, "/apis/kubeflow.org/v1/profiles/ada/status": {"status": {}}}
    reconcile(kube, profile)
    assert kube.objects[NAMESPACE] == {"metadata": {"name": "ada", "annotations": annotations}}
    assert kube.writes == [("PATCH", "/apis/kubeflow.org/v1/profiles/ada/status")]
    (condition,) = kube.objects["/apis/kubeflow.org/v1/profiles/ada/status"]["status"]["conditions"]
    assert condition["type"] == "Failed"
    assert "not owned by" in condition["message"]
    profile["status"] = {"conditions": [condition]}
    reconcile(kube, profile)
    assert len(kube.writes) == 1, "what is said already is not said again"


def test_what_the_api_server_refuses_is_tried_again(
    kube: FakeKube, profile: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise KubeError(0, "", "the API server cannot be reached")

    monkeypatch.setattr(kube, "request", refuse)
    with pytest.raises(kopf.TemporaryError, match="cannot be reached"):
        handle(kube, profile)
