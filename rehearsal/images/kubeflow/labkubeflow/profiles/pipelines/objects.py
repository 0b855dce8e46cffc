"""What Pipelines needs in each profile, as pure functions.

Upstream's list: canonical/kfp-operators track/2.0, charms/kfp-profile-controller/files/upstream/sync.py. The
two Deployments of that list (artifact viewer and visualisations) and Istio's policy are left out.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

ARTIFACT_SECRET = "mlpipeline-minio-artifact"
POD_DEFAULT = "access-ml-pipeline"
TOKEN_DIRECTORY = "/var/run/secrets/kubeflow/pipelines"
TOKEN_AUDIENCE = "pipelines.kubeflow.org"
TOKEN_SECONDS = 7200


def content(namespace: str, keys: tuple[str, str]) -> list[tuple[str, Object]]:
    """Return the objects for one namespace, each with the path that objects of its kind are under.

    Args:
        namespace: the profile's.
        keys: access key and secret key of the object store.
    """
    core = f"/api/v1/namespaces/{namespace}"
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": ARTIFACT_SECRET},
        "stringData": {"accesskey": keys[0], "secretkey": keys[1]},
    }
    config: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "metadata-grpc-configmap"},
        "data": {"METADATA_GRPC_SERVICE_HOST": "mlmd.kubeflow", "METADATA_GRPC_SERVICE_PORT": "8080"},
    }
    return [
        (f"{core}/secrets", secret),
        (f"{core}/configmaps", config),
        (f"/apis/kubeflow.org/v1alpha1/namespaces/{namespace}/poddefaults", pod_default()),
    ]


def pod_default() -> Object:
    """Return what gives a pod with its label a token for Pipelines, where the SDK looks for one."""
    volume = "volume-kf-pipeline-token"
    token = {"path": "token", "expirationSeconds": TOKEN_SECONDS, "audience": TOKEN_AUDIENCE}
    return {
        "apiVersion": "kubeflow.org/v1alpha1",
        "kind": "PodDefault",
        "metadata": {"name": POD_DEFAULT},
        "spec": {
            "desc": "Allow access to Kubeflow Pipelines",
            "selector": {"matchLabels": {POD_DEFAULT: "true"}},
            "env": [{"name": "KF_PIPELINES_SA_TOKEN_PATH", "value": f"{TOKEN_DIRECTORY}/token"}],
            "volumes": [{"name": volume, "projected": {"sources": [{"serviceAccountToken": token}]}}],
            "volumeMounts": [{"name": volume, "mountPath": TOKEN_DIRECTORY, "readOnly": True}],
        },
    }
