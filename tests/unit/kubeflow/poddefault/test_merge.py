"""What PodDefaults add to a pod, and what they may not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from labkubeflow.poddefault.merge import ConflictError, merged
from labkubeflow.profiles.pipelines.objects import pod_default

Object = dict[str, Any]
MARK = "poddefault.admission.kubeflow.org/poddefault-"


def pod(**spec: Any) -> Object:
    return {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "main"}], **spec}}


def default(name: str = "one", version: str = "7", **spec: Any) -> Object:
    return {"metadata": {"name": name, "resourceVersion": version}, "spec": {"selector": {}, **spec}}


def test_the_token_for_pipelines() -> None:
    given = pod_default()
    given["metadata"]["resourceVersion"] = "12"
    before = pod()
    after = merged(before, [given])
    assert after["spec"]["volumes"] == given["spec"]["volumes"]
    assert after["spec"]["containers"] == [
        {"name": "main", "env": given["spec"]["env"], "volumeMounts": given["spec"]["volumeMounts"]}
    ]
    assert after["metadata"]["annotations"] == {f"{MARK}access-ml-pipeline": "12"}
    assert before == pod()


def test_all_that_a_poddefault_can_give() -> None:
    given = default(
        annotations={"note": "a"},
        labels={"team": "b"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        imagePullSecrets=[{"name": "pull"}],
        initContainers=[{"name": "first"}],
        sidecars=[{"name": "beside"}],
        envFrom=[{"configMapRef": {"name": "c"}}],
        env=[{"name": "A", "value": "1"}],
        command=["sh"],
        args=["-c"],
        serviceAccountName="editor",
        automountServiceAccountToken=False,
    )
    own = pod(serviceAccountName="default", containers=[{"name": "main", "command": ["own"]}])
    after = merged(own, [given])
    assert after["metadata"]["annotations"] == {"note": "a", f"{MARK}one": "7"}
    assert after["metadata"]["labels"] == {"team": "b"}
    assert after["spec"] == {
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"name": "first"}],
        "containers": [
            {
                "name": "main",
                "command": ["own"],
                "args": ["-c"],
                "env": [{"name": "A", "value": "1"}],
                "envFrom": [{"configMapRef": {"name": "c"}}],
            },
            {"name": "beside"},
        ],
        "serviceAccountName": "editor",
        "automountServiceAccountToken": False,
    }


def test_istios_proxy_keeps_its_command() -> None:
    proxy = {"name": "istio-proxy"}
    after = merged(pod(containers=[proxy]), [default(command=["sh"], env=[{"name": "A"}])])
    assert after["spec"]["containers"] == [{**proxy, "env": [{"name": "A"}]}]


def test_what_is_there_already_is_not_added_again() -> None:
    volume, mount = {"name": "v", "emptyDir": {}}, {"name": "v", "mountPath": "/v"}
    variable = {"name": "A", "value": "1"}
    own = pod(
        volumes=[volume],
        containers=[{"name": "main", "env": [variable], "volumeMounts": [{**mount, "readOnly": False}]}],
    )
    given = default(volumes=[volume], env=[variable], volumeMounts=[mount])
    after = merged(own, [given, {**copy.deepcopy(given), "metadata": {**given["metadata"], "name": "two"}}])
    assert after["spec"] == own["spec"]
    assert set(after["metadata"]["annotations"]) == {f"{MARK}one", f"{MARK}two"}


@pytest.mark.parametrize(
    ("own", "spec", "message"),
    [
        (
            {"containers": [{"name": "main", "env": [{"name": "A", "value": "2"}]}]},
            {"env": [{"name": "A", "value": "1"}]},
            "merging env for one has a conflict on A",
        ),
        (
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
            "merging volumes for one has a conflict on v",
        ),
        (
            {"containers": [{"name": "main", "volumeMounts": [{"name": "own", "mountPath": "/v"}]}]},
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            "merging volume mounts for one has a conflict on mount path /v",
        ),
        (
            {"tolerations": [{"key": "gpu", "effect": "NoExecute"}]},
            {"tolerations": [{"key": "gpu"}]},
            "merging tolerations for one has a conflict on gpu",
        ),
        (
            {},
            {"sidecars": [{"name": "main", "image": "other"}]},
            "merging containers for one has a conflict on main",
        ),
    ],
)
def test_a_conflict_with_the_pod(own: Object, spec: Object, message: str) -> None:
    with pytest.raises(ConflictError, match=message):
        merged(pod(**own), [default(**spec)])


def test_poddefaults_that_contradict_each_other() -> None:
    one = default(labels={"a": "1"}, env=[{"name": "A", "value": "1"}])
    two = default("two", labels={"a": "2"}, env=[{"name": "A", "value": "2"}])
    with pytest.raises(ConflictError) as refused:
        merged(pod(), [one, two])
    assert "merging has conflict on a" in str(refused.value)
    assert "merging env for two has a conflict on A" in str(refused.value)
