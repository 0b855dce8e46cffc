"""What Pipelines needs in a profile."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import kopf
import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.profiles.pipelines.reconcile import reconcile

from .fake_kube import FakeKube

ADA: dict[str, Any] = {"metadata": {"name": "ada"}}
KEYS = {"accesskey": b64encode(b"minio").decode(), "secretkey": b64encode(b"s3cret").decode()}


def test_keys_token_and_addresses(kube: FakeKube) -> None:
    kube.objects["/api/v1/namespaces/kubeflow/secrets/minio-secret"] = {"data": KEYS}
    reconcile(kube, "kubeflow", ADA)
    secret = kube.objects["/api/v1/namespaces/ada/secrets/mlpipeline-minio-artifact"]
    assert secret["stringData"] == {"accesskey": "minio", "secretkey": "s3cret"}
    default = kube.objects["/apis/kubeflow.org/v1alpha1/namespaces/ada/poddefaults/access-ml-pipeline"]
    token = default["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    mount = default["spec"]["volumeMounts"][0]["mountPath"]
    assert token["audience"] == "pipelines.kubeflow.org"
    assert default["spec"]["env"][0]["value"] == f"{mount}/{token['path']}"
    assert "/api/v1/namespaces/ada/configmaps/metadata-grpc-configmap" in kube.objects


def test_without_keys_it_is_tried_again(kube: FakeKube) -> None:
    with pytest.raises(kopf.TemporaryError, match="minio-secret"):
        reconcile(kube, "kubeflow", ADA)
    assert kube.writes == []


@pytest.mark.parametrize(
    "refusal",
    [
        KubeError(403, "Forbidden", "because it is being terminated"),
        KubeError(404, "NotFound", "the server could not find the requested resource"),
    ],
)
def test_what_is_refused_is_tried_again_until_the_namespace_goes(
    kube: FakeKube, monkeypatch: pytest.MonkeyPatch, refusal: KubeError
) -> None:
    kube.objects["/api/v1/namespaces/kubeflow/secrets/minio-secret"] = {"data": KEYS}
    kube.objects["/api/v1/namespaces/ada"] = {"metadata": {"name": "ada"}}

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(kube, "ensure", refuse)
    with pytest.raises(kopf.TemporaryError):
        reconcile(kube, "kubeflow", ADA)
    kube.objects["/api/v1/namespaces/ada"]["metadata"]["deletionTimestamp"] = "now"
    reconcile(kube, "kubeflow", ADA)
    del kube.objects["/api/v1/namespaces/ada"]
    reconcile(kube, "kubeflow", ADA)
