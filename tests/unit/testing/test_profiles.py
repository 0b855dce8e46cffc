"""Waiting for profiles, and for their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.testing import kubeflow, profiles
from lab.testing.kube import Kube
from lab.testing.waiting import WaitAborted, WaitTimeout

NAME = "p-1"


class Cluster:
    """A `Kube` with objects by kind and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}

    def add(self, *wanted: profiles.Wanted) -> None:
        for _, kind, name in wanted:
            self.objects[kind, name] = {"metadata": {"name": name}}

    def get(self, version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        assert namespace in (None, NAME)
        return self.objects.get((kind, name))


@pytest.fixture
def cluster() -> Cluster:
    found = Cluster()
    found.objects["Profile", NAME] = {"metadata": {"name": NAME}}
    found.objects["Namespace", NAME] = {"metadata": {"name": NAME}, "status": {"phase": "Active"}}
    return found


@pytest.fixture
def kube(cluster: Cluster) -> Any:
    return cluster


def test_ready_is_what_the_namespace_has(cluster: Cluster, kube: Kube) -> None:
    cluster.add(*profiles.BASICS)
    assert profiles.wait_until_ready(kube, NAME, deadline=0)["metadata"]["name"] == NAME
    del cluster.objects["RoleBinding", "default-editor"]
    with pytest.raises(WaitTimeout, match=r"it lacks RoleBinding default-editor$"):
        profiles.wait_until_ready(kube, NAME, deadline=0)
    cluster.objects["Namespace", NAME]["status"]["phase"] = "Terminating"
    with pytest.raises(WaitTimeout, match="its namespace is not there"):
        profiles.wait_until_ready(kube, NAME, deadline=0)


def test_a_profile_that_failed_is_not_waited_for(cluster: Cluster, kube: Kube) -> None:
    condition = {"type": "Failed", "status": "True", "message": "namespace already exist"}
    cluster.objects["Profile", NAME]["status"] = {"conditions": [condition]}
    with pytest.raises(WaitAborted, match="the Profile failed: namespace already exist"):
        profiles.wait_until_ready(kube, NAME)


def test_access_to_pipelines(cluster: Cluster, kube: Kube) -> None:
    with pytest.raises(WaitTimeout, match="Secret mlpipeline-minio-artifact, PodDefault access-ml-pipeline"):
        profiles.wait_for_pipelines(kube, NAME, deadline=0)
    cluster.add(*profiles.PIPELINES)
    profiles.wait_for_pipelines(kube, NAME, deadline=0)


def test_gone_is_profile_and_namespace(cluster: Cluster, kube: Kube) -> None:
    with pytest.raises(WaitTimeout, match="Profile p-1, Namespace p-1"):
        profiles.wait_until_gone(kube, NAME, deadline=0)
    del cluster.objects["Profile", NAME]
    with pytest.raises(WaitTimeout, match="Last state: Namespace p-1"):
        profiles.wait_until_gone(kube, NAME, deadline=0)
    del cluster.objects["Namespace", NAME]
    profiles.wait_until_gone(kube, NAME, deadline=0)


def test_the_client_of_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:1/pipeline"
    client = kubeflow.build_kfp_client(url, "token", NAME, home=tmp_path, patch=monkeypatch)
    assert client.get_user_namespace() == NAME
    api = client.runs.api_client
    assert (api.configuration.host, api.cookie) == (url, "authservice_session=token")
    # What the client would keep in the home directory stays out of it.
    client.set_user_namespace("another")
    assert (tmp_path / "context.json").is_file()
