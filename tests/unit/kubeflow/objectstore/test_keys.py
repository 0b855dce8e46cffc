"""The keys of the object store."""

from __future__ import annotations

import csv
from base64 import b64encode
from typing import Any

import pytest
from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.common.options import Options
from labkubeflow.objectstore.keys import ensure_keys, read_keys

SECRET = "/api/v1/namespaces/kubeflow/secrets/minio-secret"


class Server(Kube):
    """Has at most the one Secret."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}

    def request(self, method: str, path: str, *_: object, **__: object) -> dict[str, Any]:
        if (method, path) != ("GET", SECRET) or not self.data:
            raise KubeError(404, "NotFound", path)
        return {"data": {key: b64encode(value.encode()).decode() for key, value in self.data.items()}}

    def ensure(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        assert f"{path}/{manifest['metadata']['name']}" == SECRET
        self.data = manifest["stringData"]
        return manifest


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_key_is_made_once(server: Server) -> None:
    options = Options({"access-key": "minio", "secret-key": ""})
    assert read_keys(server, "kubeflow") is None
    ensure_keys(server, "kubeflow", options)
    first = read_keys(server, "kubeflow")
    assert first
    assert first[0] == "minio"
    assert len(first[1]) >= 24
    ensure_keys(server, "kubeflow", options)
    assert read_keys(server, "kubeflow") == first
    other = Server()
    ensure_keys(other, "kubeflow", options)
    assert read_keys(other, "kubeflow") != first


def test_a_key_of_the_options_goes_before(server: Server) -> None:
    ensure_keys(server, "kubeflow", Options({"access-key": "minio", "secret-key": ""}))
    ensure_keys(server, "kubeflow", Options({"access-key": "ada", "secret-key": "chosen"}))
    assert read_keys(server, "kubeflow") == ("ada", "chosen")
    # As rclone reads it: values separated by commas, each of which is a pair.
    assert next(csv.reader([server.data["rclone"]])) == ["ada,chosen"]
