"""Brings the cluster to what a Profile says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from labkubeflow.common.kube import MERGE_PATCH, Kube, KubeError
from labkubeflow.profiles import objects

PROFILES = "/apis/kubeflow.org/v1/profiles"


RETRY_SECONDS = 5.0


def handle(kube: Kube, profile: Mapping[str, Any]) -> None:
    """Reconcile, as kopf's handlers do it.

    Raises:
        kopf.TemporaryError: the API server refused something or cannot be reached.
    """
    try:
        reconcile(kube, profile)
    except KubeError as error:
        raise kopf.TemporaryError(str(error), delay=RETRY_SECONDS) from error


def reconcile(kube: Kube, profile: Mapping[str, Any]) -> None:
    """Make a profile's namespace and what belongs into it; a profile that cannot be says so in its status.

    Raises:
        KubeError: the API server refused something or cannot be reached.
    """
    name = profile["metadata"]["name"]
    try:
        wanted = objects.namespace(profile, _get(kube, f"/api/v1/namespaces/{name}"))
    except objects.ForeignNamespaceError as error:
        _fail(kube, profile, str(error))
        return
    kube.ensure("/api/v1/namespaces", wanted)
    for path, item in objects.content(profile):
        kube.ensure(path, item)
    if not (profile["spec"].get("resourceQuotaSpec") or {}).get("hard"):
        _delete(kube, f"/api/v1/namespaces/{name}/resourcequotas/{objects.QUOTA}")


def _fail(kube: Kube, profile: Mapping[str, Any], message: str) -> None:
    condition = {"type": "Failed", "message": message}
    if (profile.get("status") or {}).get("conditions") == [condition]:
        return
    path = f"{PROFILES}/{profile['metadata']['name']}/status"
    kube.request("PATCH", path, {"status": {"conditions": [condition]}}, kind=MERGE_PATCH)


def _get(kube: Kube, path: str) -> Mapping[str, Any] | None:
    try:
        return kube.request("GET", path)
    except KubeError as error:
        if error.status == 404:
            return None
        raise


def _delete(kube: Kube, path: str) -> None:
    try:
        kube.request("DELETE", path)
    except KubeError as error:
        if error.status != 404:
            raise
