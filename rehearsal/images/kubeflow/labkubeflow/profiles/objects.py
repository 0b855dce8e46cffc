"""What a Profile means: the objects in its namespace, as pure functions.

Names, labels and annotations are upstream's: kubeflow/kubeflow v1.8-branch,
components/profile-controller/controllers/profile_controller.go; the labels are Charmed Kubeflow's
(canonical/kubeflow-profiles-operator track/1.8, src/templates/namespace-labels.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

LABELS = {
    "app.kubernetes.io/part-of": "kubeflow-profile",
    "istio-injection": "enabled",
    "katib.kubeflow.org/metrics-collector-injection": "enabled",
    "katib-metricscollector-injection": "enabled",
    "pipelines.kubeflow.org/enabled": "true",
    "serving.kubeflow.org/inferenceservice": "enabled",
    "user.kubeflow.org/enabled": "true",
}
"""On a profile's namespace; other applications act on it because of them."""

OWNER = "owner"
"""Annotation of the namespace: whose it is."""

QUOTA = "kf-resource-quota"
RBAC = "rbac.authorization.k8s.io"


class ForeignNamespaceError(Exception):
    """A namespace of the profile's name exists, and is somebody else's."""


def namespace(profile: Mapping[str, Any], found: Mapping[str, Any] | None) -> Object:
    """Return the namespace of a profile.

    Args:
        profile: the Profile.
        found: the namespace of its name, if there is one.

    Raises:
        ForeignNamespaceError: it belongs to another owner, or to none.
    """
    owner = profile["spec"]["owner"]["name"]
    if found is not None and (found["metadata"].get("annotations") or {}).get(OWNER) != owner:
        raise ForeignNamespaceError(f"namespace already exist, but not owned by profile creator {owner}")
    metadata: Object = {
        "name": profile["metadata"]["name"],
        "labels": dict(LABELS),
        "annotations": {OWNER: owner},
    }
    if found is None:
        metadata["ownerReferences"] = [owner_reference(profile)]
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def content(profile: Mapping[str, Any]) -> list[tuple[str, Object]]:
    """Return what is in a profile's namespace, each with the path that objects of its kind are under."""
    name = profile["metadata"]["name"]
    core, rbac = f"/api/v1/namespaces/{name}", f"/apis/{RBAC}/v1/namespaces/{name}"
    owner: Object = {"apiGroup": RBAC, **profile["spec"]["owner"]}
    objects: list[tuple[str, Object]] = []
    for account, role in (("default-editor", "kubeflow-edit"), ("default-viewer", "kubeflow-view")):
        objects.append((f"{core}/serviceaccounts", _object(profile, "v1", "ServiceAccount", account)))
        subject = {"kind": "ServiceAccount", "name": account, "namespace": name}
        objects.append((f"{rbac}/rolebindings", _binding(profile, account, role, subject, {})))
    annotations = {"user": owner["name"], "role": "admin"}
    binding = _binding(profile, "namespaceAdmin", "kubeflow-admin", owner, annotations)
    objects.append((f"{rbac}/rolebindings", binding))
    quota = profile["spec"].get("resourceQuotaSpec") or {}
    if quota.get("hard"):
        spec = {**_object(profile, "v1", "ResourceQuota", QUOTA), "spec": quota}
        objects.append((f"{core}/resourcequotas", spec))
    return objects


def owner_reference(profile: Mapping[str, Any]) -> Object:
    """Return the reference that has an object deleted with its profile."""
    metadata = profile["metadata"]
    reference = {"apiVersion": profile["apiVersion"], "kind": profile["kind"]}
    return {**reference, "name": metadata["name"], "uid": metadata["uid"], "controller": True}


def _object(profile: Mapping[str, Any], version: str, kind: str, name: str) -> Object:
    metadata = {"name": name, "ownerReferences": [owner_reference(profile)]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _binding(
    profile: Mapping[str, Any], name: str, role: str, subject: Object, annotations: Mapping[str, str]
) -> Object:
    binding = _object(profile, f"{RBAC}/v1", "RoleBinding", name)
    binding["metadata"]["annotations"] = dict(annotations)
    binding["roleRef"] = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    binding["subjects"] = [subject]
    return binding
