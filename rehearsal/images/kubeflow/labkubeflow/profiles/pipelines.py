"""What Pipelines needs in each profile: the application kfp-profile-controller.

Upstream's list: canonical/kfp-operators track/2.0, charms/kfp-profile-controller/files/upstream/sync.py. The
two Deployments of that list (artifact viewer and visualisations) and Istio's policy are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import kopf

from labkubeflow.common.controller import run_controller
from labkubeflow.common.kube import ACCOUNT, Kube, KubeError
from labkubeflow.common.web import log_to_stderr
from labkubeflow.objectstore.keys import SECRET, read_keys

Object = dict[str, Any]

LABEL = "pipelines.kubeflow.org/enabled"
ARTIFACT_SECRET = "mlpipeline-minio-artifact"
POD_DEFAULT = "access-ml-pipeline"
TOKEN_DIRECTORY = "/var/run/secrets/kubeflow/pipelines"
TOKEN_AUDIENCE = "pipelines.kubeflow.org"
TOKEN_SECONDS = 7200
_RETRY_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


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


def reconcile(kube: Kube, own: str, namespace: Mapping[str, Any]) -> None:
    """Make what a profile's namespace needs.

    Raises:
        kopf.TemporaryError: the object store has no keys yet, or the API server did not answer.
    """
    name = namespace["metadata"]["name"]
    try:
        keys = read_keys(kube, own)
        if keys is None:
            raise kopf.TemporaryError(f"there is no Secret {SECRET} in {own} yet", delay=_RETRY_SECONDS)
        for path, item in content(name, keys):
            kube.ensure(path, item)
    except KubeError as error:
        if namespace["metadata"].get("deletionTimestamp") or error.status == 404:
            return  # it is going
        raise kopf.TemporaryError(str(error), delay=_RETRY_SECONDS) from error
    _LOG.info("namespace %s has what Pipelines needs", name)


def main() -> None:
    """Act on the namespaces of profiles until told to stop."""
    log_to_stderr()
    kube = Kube.in_pod()
    own = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    labels: Any = {LABEL: "true"}

    @kopf.on.resume("", "v1", "namespaces", labels=labels)
    @kopf.on.create("", "v1", "namespaces", labels=labels)
    @kopf.on.update("", "v1", "namespaces", labels=labels, field="metadata.labels")
    def changed(body: kopf.Body, **_: Any) -> None:
        reconcile(kube, own, body)

    run_controller()


if __name__ == "__main__":
    main()
