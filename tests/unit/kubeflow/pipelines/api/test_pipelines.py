from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest
import yaml
from labkubeflow.pipelines.api import specs
from starlette.testclient import TestClient

from .conftest import SPEC, World
from .forms import same_as_sent

TEXT = yaml.safe_dump(SPEC)


def _upload(client: TestClient, name: str = "hello.yaml", data: bytes | str = TEXT, **query: str) -> Any:
    return client.post("/pipelines/upload", params=query, files={"uploadfile": (name, data)})


def _tar(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def _zip(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


def test_an_upload_makes_a_pipeline_with_a_version(ann: TestClient) -> None:
    answer = _upload(ann, name="hello", namespace="ann", description="says hello")
    assert answer.status_code == 400, "a file without a suffix"
    query = {"name": "hello", "namespace": "ann", "description": "says hello"}
    made = ann.post("/pipelines/upload", params=query, files={"uploadfile": ("f.yaml", TEXT)}).json()
    assert same_as_sent("V2beta1Pipeline", "Pipeline", made).display_name == "hello"
    assert made["namespace"] == "ann"
    path = f"/pipelines/{made['pipeline_id']}"
    assert ann.get(path).json() == made
    assert ann.get("/pipelines/names/hello", params={"namespace": "ann"}).json() == made
    assert ann.get("/pipelines/names/hello").status_code == 404
    (version,) = ann.get(f"{path}/versions").json()["pipeline_versions"]
    same_as_sent("V2beta1PipelineVersion", "PipelineVersion", version)
    assert version["pipeline_spec"] == SPEC
    assert ann.get(f"{path}/versions/{version['pipeline_version_id']}").json() == version


def test_a_display_name_of_its_own(ann: TestClient) -> None:
    query = {"name": "hello", "display_name": "Hello!"}
    made = ann.post("/pipelines/upload", params=query, files={"uploadfile": ("f.yaml", TEXT)}).json()
    assert made["display_name"] == "Hello!"
    assert ann.get("/pipelines/names/hello").json() == made


def test_private_and_shared_ones_are_listed_apart(ann: TestClient, bob: TestClient) -> None:
    shared, private = _upload(ann, "shared.yaml").json(), _upload(ann, "mine.yaml", namespace="ann").json()
    assert ann.get("/pipelines").json()["pipelines"] == [shared]
    assert bob.get("/pipelines").json()["pipelines"] == [shared]
    assert ann.get("/pipelines", params={"namespace": "ann"}).json()["pipelines"] == [private]
    assert bob.get(f"/pipelines/{shared['pipeline_id']}").json() == shared


def test_names_are_given_once(ann: TestClient) -> None:
    made = _upload(ann).json()["pipeline_id"]
    again = _upload(ann)
    assert again.status_code == 409
    assert set(again.json()) == {"error_message", "error_details"}
    query = {"name": "v2", "pipelineid": made}
    for status in (200, 409):
        files = {"uploadfile": ("f.yaml", TEXT)}
        assert ann.post("/pipelines/upload_version", params=query, files=files).status_code == status


def test_versions(ann: TestClient, world: World) -> None:
    made = _upload(ann, namespace="ann").json()["pipeline_id"]
    world.clock.now += 1
    query = {"name": "second", "pipelineid": made, "description": "better"}
    files = {"uploadfile": ("f.yaml", TEXT)}
    second = ann.post("/pipelines/upload_version", params=query, files=files).json()
    same_as_sent("V2beta1PipelineVersion", "PipelineVersion", second)
    assert (second["display_name"], second["description"]) == ("second", "better")
    query = {"sort_by": "created_at desc"}
    listed = ann.get(f"/pipelines/{made}/versions", params=query).json()
    same_as_sent("V2beta1ListPipelineVersionsResponse", "ListPipelineVersionsResponse", listed)
    assert [item["display_name"] for item in listed["pipeline_versions"]] == ["second", "hello.yaml"]
    refused = ann.delete(f"/pipelines/{made}")
    assert refused.status_code == 400
    assert "as it has existing pipeline versions" in refused.json()["message"]
    for item in listed["pipeline_versions"]:
        path = f"/pipelines/{made}/versions/{item['pipeline_version_id']}"
        assert ann.delete(path).json() == {}
        assert ann.get(path).status_code == 404
    assert ann.delete(f"/pipelines/{made}").json() == {}
    assert ann.get(f"/pipelines/{made}").status_code == 404


def test_a_version_is_found_through_its_pipeline_only(ann: TestClient) -> None:
    one, two = _upload(ann, "1.yaml").json()["pipeline_id"], _upload(ann, "2.yaml").json()["pipeline_id"]
    (version,) = ann.get(f"/pipelines/{one}/versions").json()["pipeline_versions"]
    assert ann.get(f"/pipelines/{two}/versions/{version['pipeline_version_id']}").status_code == 404


def test_an_upload_into_a_stranger_s_namespace_is_refused_as_upstream_does(
    ann: TestClient, bob: TestClient
) -> None:
    answer = _upload(bob, namespace="ann")
    assert answer.status_code == 400
    assert "is not authorized" in answer.json()["error_message"]
    assert ann.get("/pipelines", params={"namespace": "ann"}).json() == {}


def test_uploads_that_are_no_pipelines_are_refused(ann: TestClient) -> None:
    for name, data in (
        ("x.yaml", "{"),
        ("x.yaml", "a: 1\n---\nb: 2\n---\nc: 3\n"),
        ("x.yaml", "just text"),
        ("x.yaml", "pipelineInfo: {name: x}"),
        ("x.yaml", "root: {made: 2024-01-01}"),
        ("x.yaml", "root: {1: .nan}"),
        ("x.yaml", "root: {2024-01-01: x}"),
        ("x.txt", TEXT),
        ("x.zip", b"PK\x03\x04" + b"garbage"),
        ("x.zip", _zip(a_yaml=TEXT, b_yaml=TEXT)),
        ("x.zip", _zip(a_txt=TEXT)),
        ("x.tar.gz", b"\x1f\x8b" + b"garbage"),
        ("x.tar.gz", gzip.compress(b"garbage")),
    ):
        answer = _upload(ann, name, data)
        assert answer.status_code == 400, (name, data, answer.text)
    assert ann.post("/pipelines/upload").status_code == 400
    assert ann.post("/pipelines/upload", files={"file": ("x.yaml", TEXT)}).status_code == 400
    assert _upload(ann, tags="{}").status_code == 400
    files = {"uploadfile": ("f.yaml", TEXT)}
    assert ann.post("/pipelines/upload_version", files=files).status_code == 400
    query = {"pipelineid": "none"}
    assert ann.post("/pipelines/upload_version", params=query, files=files).status_code == 404


def test_archives_and_platforms(ann: TestClient) -> None:
    platform: dict[str, Any] = {"platforms": {"kubernetes": {}}}
    both = TEXT + "---\n" + yaml.safe_dump(platform)
    for name, data, wanted in (
        ("a.zip", _zip(x_yaml=TEXT, y_txt="?"), SPEC),
        ("b.zip", _zip(x_yaml="?", pipeline_yaml=TEXT), SPEC),
        ("c.tar.gz", _tar(x_yml=TEXT), SPEC),
        ("d.json", json.dumps(SPEC), SPEC),
        ("e.yaml", both, {"pipeline_spec": SPEC, "platform_spec": platform}),
    ):
        made = _upload(ann, name, data)
        assert made.status_code == 200, made.text
        (version,) = ann.get(f"/pipelines/{made.json()['pipeline_id']}/versions").json()["pipeline_versions"]
        assert version["pipeline_spec"] == wanted


def test_sizes_have_a_limit(ann: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "LARGEST", 1000)
    padded = TEXT + "#" * 1000
    for name, data in (("x.yaml", padded), ("x.zip", _zip(x_yaml=padded)), ("x.tar.gz", _tar(x_yaml=padded))):
        answer = _upload(ann, name, data)
        assert answer.status_code == 400
        assert "too large" in answer.json()["error_message"]


def test_versions_by_url_are_refused(ann: TestClient) -> None:
    made = ann.post("/pipelines", json={"display_name": "empty", "namespace": "ann"}).json()
    same_as_sent("V2beta1Pipeline", "Pipeline", made)
    url = {"package_url": {"pipeline_url": "http://example.org/p.yaml"}}
    path = f"/pipelines/{made['pipeline_id']}/versions"
    assert ann.post(path, json=url).status_code == 501
    assert ann.post(path, json={"display_name": "x"}).status_code == 400
    body = {"pipeline": {"display_name": "x"}, "pipeline_version": url}
    assert ann.post("/pipelines/create", json=body).status_code == 501
