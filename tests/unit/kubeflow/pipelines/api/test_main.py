from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.common.options import OptionError, Options
from labkubeflow.pipelines.api.__main__ import build, namespace_exists, step_settings
from labkubeflow.pipelines_ui.__main__ import profile_namespaces
from starlette.testclient import TestClient

OPTIONS = {"object-store-bucket-name": "mlpipeline", "launcher-image": "", "driver-image": ""}


class FakeKube:
    """Answers from a dictionary; what is not in it is refused, and what is None is not there."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = answers
        self.asked = threading.Event()

    def request(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        self.asked.set()
        answer = self.answers.get(path, KubeError(0, "", "down"))
        if answer is None:
            raise KubeError(404, "NotFound", "not there")
        if isinstance(answer, KubeError):
            raise answer
        return answer


def _kube(answers: Mapping[str, object]) -> Kube:
    return cast(Kube, FakeKube(answers))


def test_options() -> None:
    assert step_settings(Options(OPTIONS)).launcher_image == "lab/launcher:1"
    mine = {**OPTIONS, "launcher-image": "example.org/launcher:2"}
    assert step_settings(Options(mine)).launcher_image == "example.org/launcher:2"
    for name, value in (("driver-image", "x"), ("object-store-bucket-name", "other")):
        with pytest.raises(OptionError, match=name):
            step_settings(Options({**OPTIONS, name: value}))


def test_a_namespace_exists_until_it_is_being_deleted() -> None:
    path = "/api/v1/namespaces/ann"
    assert namespace_exists(_kube({path: {"status": {"phase": "Active"}}}), "ann")
    assert not namespace_exists(_kube({path: {"status": {"phase": "Terminating"}}}), "ann")
    assert not namespace_exists(_kube({path: None}), "ann")
    with pytest.raises(OSError, match="down"):
        namespace_exists(_kube({}), "ann")


def test_namespaces_of_profiles() -> None:
    items = [{"metadata": {"name": "ann"}}, {"metadata": {"name": "bob"}}]
    assert profile_namespaces(_kube({"/api/v1/namespaces": {"items": items}})) == ["ann", "bob"]


def test_it_serves_and_ends_while_the_cluster_is_silent(tmp_path: Path) -> None:
    kube = FakeKube({})
    app = build(Options(OPTIONS), cast(Kube, kube), "kubeflow", tmp_path / "pipelines.db")
    with TestClient(app) as client:
        assert client.get("/apis/v2beta1/healthz").json() == {"multi_user": True}
        assert kube.asked.wait(20), "the engine looks for pods"
    # All has been let go of.
    with TestClient(build(Options(OPTIONS), cast(Kube, kube), "kubeflow", tmp_path / "pipelines.db")):
        pass
