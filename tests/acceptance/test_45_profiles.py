"""Profiles: what one makes, whom it lets in, what bounds it sets, and that it goes without a trace.

What belongs to a profile is told by kubeflow/kubeflow (components/profile-controller), by
canonical/kubeflow-profiles-operator (src/templates) and by canonical/kfp-operators
(charms/kfp-profile-controller).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from lab.gateway import Credentials
from lab.testing import profiles
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.kubeflow import OTHER_OWNER
from lab.testing.login import GatewaySession
from lab.testing.manifests import RUN_LABEL
from lab.testing.pods import run_to_end
from lab.testing.waiting import Pending, wait_until

pytestmark = pytest.mark.profiles

DEADLINE = 240.0
POD_DEADLINE = 240.0

LABELS = {
    "app.kubernetes.io/part-of": "kubeflow-profile",
    "istio-injection": "enabled",
    "katib-metricscollector-injection": "enabled",
    "katib.kubeflow.org/metrics-collector-injection": "enabled",
    "pipelines.kubeflow.org/enabled": "true",
    "serving.kubeflow.org/inferenceservice": "enabled",
    "user.kubeflow.org/enabled": "true",
}
ROLES = {
    "namespaceAdmin": "kubeflow-admin",
    "default-editor": "kubeflow-edit",
    "default-viewer": "kubeflow-view",
}
RBAC = "rbac.authorization.k8s.io/v1"
QUOTA = "kf-resource-quota"


def read(kube: Kube, version: str, kind: str, name: str, namespace: str) -> Object:
    """Return an object that must be there."""
    return kube.request("GET", kube.path(version, kind, name, namespace=namespace))


def note(run: Any, namespace: str, name: str = "note") -> Object:
    """Return something small to write into a namespace."""
    metadata = {"name": name, "namespace": namespace, "labels": {RUN_LABEL: run.id}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": "a note"}}


def test_namespace(kube: Kube, profile: str, credentials: Credentials) -> None:
    namespace = profiles.wait_until_ready(kube, profile)
    assert namespace["status"]["phase"] == "Active"
    assert namespace["metadata"]["annotations"]["owner"] == credentials.username
    labels = namespace["metadata"]["labels"]
    assert {name: labels.get(name) for name in LABELS} == LABELS
    [owner] = namespace["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Profile", profile)


def test_accounts_and_rights(kube: Kube, profile: str, credentials: Credentials) -> None:
    for account in profiles.ACCOUNTS:
        read(kube, "v1", "ServiceAccount", account, profile)
    bindings = {name: read(kube, RBAC, "RoleBinding", name, profile) for name in profiles.BINDINGS}
    assert {name: binding["roleRef"]["name"] for name, binding in bindings.items()} == ROLES
    subjects = {
        name: [(who["kind"], who["name"]) for who in binding["subjects"]]
        for name, binding in bindings.items()
    }
    assert subjects == {
        "namespaceAdmin": [("User", credentials.username)],
        **{account: [("ServiceAccount", account)] for account in profiles.ACCOUNTS},
    }


def test_access_to_pipelines(kube: Kube, profile: str) -> None:
    profiles.wait_for_pipelines(kube, profile)
    secret = read(kube, "v1", "Secret", profiles.PIPELINES_SECRET, profile)
    assert set(secret["data"]) >= {"accesskey", "secretkey"}
    assert all(secret["data"][key] for key in ("accesskey", "secretkey"))

    pods = read(kube, profiles.PODDEFAULT_API, "PodDefault", profiles.PIPELINES_POD_DEFAULT, profile)["spec"]
    assert pods["selector"]["matchLabels"] == {profiles.PIPELINES_POD_DEFAULT: "true"}
    [token] = [
        source["serviceAccountToken"]
        for volume in pods["volumes"]
        for source in volume["projected"]["sources"]
        if "serviceAccountToken" in source
    ]
    assert token["audience"] == "pipelines.kubeflow.org"
    [mount] = [mount for mount in pods["volumeMounts"] if mount["mountPath"].endswith("/pipelines")]
    [path] = [env["value"] for env in pods["env"] if env["name"] == "KF_PIPELINES_SA_TOKEN_PATH"]
    assert path == f"{mount['mountPath']}/{token['path']}"


def tokens_for_pipelines(pod: Object) -> tuple[list[str], list[str]]:
    """Return where a pod is told to look for such a token, and where one is mounted."""
    [container] = pod["spec"]["containers"]
    told = [env["value"] for env in container.get("env") or () if env["name"] == "KF_PIPELINES_SA_TOKEN_PATH"]
    files = {
        volume["name"]: source["serviceAccountToken"]["path"]
        for volume in pod["spec"].get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
        if (source.get("serviceAccountToken") or {}).get("audience") == "pipelines.kubeflow.org"
    }
    mounts = [mount for mount in container.get("volumeMounts") or () if mount["name"] in files]
    return told, [f"{mount['mountPath']}/{files[mount['name']]}" for mount in mounts]


def test_a_pod_with_the_label_gets_the_token(
    kube: Kube, profile: str, apply: Callable[..., list[Object]]
) -> None:
    profiles.wait_for_pipelines(kube, profile)
    labelled, other = apply("labelled.yaml", profile)
    told, mounted = tokens_for_pipelines(labelled)
    assert len(told) == 1
    assert mounted == told
    assert tokens_for_pipelines(other) == ([], [])


def test_an_editor_works_in_its_own_namespace_alone(
    kube: Kube, run: Any, profile: str, other_profile: str
) -> None:
    with closing(kube.as_service_account(other_profile, "default-editor")) as editor:
        # The API server learns of a new binding a moment after it has been stored.
        wait_until(
            lambda: editor.create(note(run, other_profile)),
            what="the editor's rights",
            deadline=DEADLINE,
            tolerate=(KubeError,),
        )
        for kind in ("Pod", "ConfigMap", "Secret"):
            with pytest.raises(KubeError) as refused:
                editor.list("v1", kind, profile)
            assert refused.value.status == 403
        with pytest.raises(KubeError) as refused:
            editor.create(note(run, profile))
        assert refused.value.status == 403


def test_a_viewer_only_looks(kube: Kube, run: Any, profile: str) -> None:
    with closing(kube.as_service_account(profile, "default-viewer")) as viewer:
        wait_until(
            lambda: len(viewer.list("v1", "Pod", profile)) + 1,
            what="the viewer's rights",
            deadline=DEADLINE,
            tolerate=(KubeError,),
        )
        with pytest.raises(KubeError) as refused:
            viewer.create(note(run, profile, "not-by-a-viewer"))
        assert refused.value.status == 403


def test_the_runs_of_others_are_closed(login: GatewaySession, profile: str, other_profile: str) -> None:
    def look() -> bool | Pending:
        answer = login.get(f"/pipeline/apis/v2beta1/runs?namespace={profile}")
        return answer.status_code == 200 or Pending(f"HTTP {answer.status_code}: {answer.text[:200].strip()}")

    wait_until(look, what="one's own runs to be readable", deadline=DEADLINE)
    answer = login.get(f"/pipeline/apis/v2beta1/runs?namespace={other_profile}")
    assert answer.status_code == 403


def test_the_dashboard_lists_one_s_own(login: GatewaySession, profile: str, other_profile: str) -> None:
    def look() -> dict[str, str] | Pending:
        listed = login.get("/api/workgroup/env-info").json()["namespaces"]
        found = {entry["namespace"]: entry["role"] for entry in listed}
        return found if profile in found else Pending(f"it lists {', '.join(found) or 'none'}")

    found = wait_until(look, what="the profile to be listed", deadline=DEADLINE)
    assert found[profile] == "owner"
    assert other_profile not in found


def test_quota(
    kube: Kube,
    credentials: Credentials,
    apply: Callable[..., list[Object]],
    new_profile: Callable[..., str],
) -> None:
    name = new_profile(credentials.username, "profile-quota.yaml")
    profiles.wait_until_ready(kube, name)

    def look() -> Object | Pending:
        quota = kube.get("v1", "ResourceQuota", QUOTA, name)
        # Before that the server refuses every pod, for it does not know yet.
        counted = quota and (quota.get("status") or {}).get("hard")
        return quota if quota and counted else Pending("nobody has counted yet" if quota else "there is none")

    quota = wait_until(look, what=f"the quota of {name}", deadline=DEADLINE, tolerate=(KubeError,))
    assert quota["spec"]["hard"] == {"cpu": "4"}
    with pytest.raises(KubeError, match=f"exceeded quota: {QUOTA}") as refused:
        apply("greedy.yaml", name)
    assert refused.value.status == 403
    apply("modest.yaml", name)
    run_to_end(kube, name, "modest", deadline=POD_DEADLINE)
    kube.delete(profiles.API, "Profile", name)


def test_deletion_takes_everything_along(kube: Kube, run: Any, new_profile: Callable[..., str]) -> None:
    name = new_profile(OTHER_OWNER)
    profiles.wait_until_ready(kube, name)
    kube.create(note(run, name))

    kube.delete(profiles.API, "Profile", name)
    profiles.wait_until_gone(kube, name)
    assert kube.get("v1", "ConfigMap", "note", name) is None
    left = [item["metadata"]["name"] for item in kube.list(RBAC, "RoleBinding", name)]
    assert left == []


def test_a_namespace_of_others_is_not_taken_over(
    kube: Kube, namespace: str, new_profile: Callable[..., str]
) -> None:
    before = kube.request("GET", f"/api/v1/namespaces/{namespace}")["metadata"]
    new_profile(OTHER_OWNER, name=namespace)
    # The controller of 1.8 writes its refusal where the CRD's subresource lets it get lost. It takes one
    # Profile after the other: when a later one is ready, this one has been looked at.
    later = new_profile(OTHER_OWNER)
    profiles.wait_until_ready(kube, later)
    kube.delete(profiles.API, "Profile", later)
    kube.delete(profiles.API, "Profile", namespace)
    wait_until(
        lambda: Pending("it is there") if kube.get(profiles.API, "Profile", namespace) else True,
        what="the Profile to be gone",
        deadline=DEADLINE,
        tolerate=(KubeError,),
    )
    after = kube.request("GET", f"/api/v1/namespaces/{namespace}")
    assert after["status"]["phase"] == "Active"
    for key in ("uid", "labels", "annotations", "ownerReferences"):
        assert after["metadata"].get(key) == before.get(key)
    assert kube.get("v1", "ServiceAccount", "default-editor", namespace) is None
