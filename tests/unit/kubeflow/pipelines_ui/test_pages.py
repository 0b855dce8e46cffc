from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.pipelines_ui.app import application
from labkubeflow.pipelines_ui.backend import Backend
from labkubeflow.pipelines_ui.pages import tree
from starlette.testclient import TestClient

EVIL = '<script>alert("x")</script>'
RUN = {
    "run_id": "abc-1",
    "display_name": EVIL,
    "namespace": "ann",
    "state": "FAILED",
    "error": "hello & failed",
    "created_at": 1_700_000_000.5,
    "finished_at": 0,
    "parameters": {"name": EVIL},
    "tasks": [
        {
            "task_id": task_id,
            "display_name": name,
            "parent_task_id": parent,
            "state": "SUCCEEDED",
            "started_at": 0,
            "finished_at": 0,
            "error": "",
            "pod_name": pod,
            "cached": pod == "",
            "inputs": {"parameters": {"n": 3}, "artifacts": {}},
            "outputs": {
                "parameters": {"text": "ä"},
                "artifacts": {"data": [{"name": "data", "uri": "minio://b/k", "type": "system.Dataset"}]},
            },
        }
        for task_id, name, parent, pod in (
            ("3", "executor", "2", "pod-3"),
            ("1", "root", "", ""),
            ("2", "hello", "1", ""),
        )
    ],
}


class Api(ThreadingHTTPServer):
    """Stands in for the API server: notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, str]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        status, text = self.server.answers.get(self.path.partition("&")[0], (200, "{}"))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(api: Api) -> Iterator[TestClient]:
    backend = Backend(api.url)
    headers = {"kubeflow-userid": "ann@example.org"}
    yield TestClient(application(backend, lambda: ["ann", "bob"]), headers=headers, follow_redirects=False)
    backend.close()


def test_runs_of_the_namespaces_that_one_may_see(api: Api, client: TestClient) -> None:
    run = (
        '{"runs": [{"run_id": "abc-1", "display_name": "<b>r</b>", "state": "RUNNING", '
        '"created_at": "2023-11-14T22:13:20Z", "finished_at": "1970-01-01T00:00:00Z"}], "total_size": 1}'
    )
    api.answers = {
        "/apis/v2beta1/runs?namespace=ann": (200, run),
        "/apis/v2beta1/runs?namespace=bob": (403, '{"message": "no"}'),
    }
    page = client.get("/pipeline/")
    assert page.status_code == 200
    assert "REHEARSAL" in page.text
    assert '<a href="/pipeline/runs/abc-1">&lt;b&gt;r&lt;/b&gt;</a>' in page.text
    assert "<h2>ann</h2>" in page.text
    assert "bob" not in page.text
    assert "1970" not in page.text
    assert {headers["kubeflow-userid"] for _, _, headers, _ in api.asked} == {"ann@example.org"}
    assert "script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_no_namespace_is_said(api: Api) -> None:
    backend = Backend(api.url)
    client = TestClient(application(backend, list), headers={"kubeflow-userid": "x"})
    assert "You have no namespace" in client.get("/pipeline/").text
    backend.close()


def test_a_run_with_its_tasks(api: Api, client: TestClient) -> None:
    api.answers = {"/apis/rehearsal/runs/abc-1": (200, json.dumps(RUN))}
    text = client.get("/pipeline/runs/abc-1").text
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    assert "hello &amp; failed" in text
    for wanted in (
        "pod-3",
        "n = 3",
        "text = &quot;ä&quot;",
        "data: minio://b/k (system.Dataset)",
        "REHEARSAL",
    ):
        assert wanted in text
    assert "2023-11-14T22:13:20Z" in text
    assert text.index(">root<") < text.index(">hello<") < text.index(">executor<")


def test_the_tree() -> None:
    tasks: Any = RUN["tasks"]
    assert [(task["task_id"], depth) for task, depth in tree(tasks)] == [("1", 0), ("2", 1), ("3", 2)]


def test_trouble_has_a_page(api: Api, client: TestClient) -> None:
    api.answers = {"/apis/rehearsal/runs/abc": (404, '{"message": "Run abc <not> found."}')}
    page = client.get("/pipeline/runs/abc")
    assert page.status_code == 404
    assert "Run abc &lt;not&gt; found." in page.text
    assert client.get("/pipeline/runs/abc%3Fx").status_code == 404
    assert len(api.asked) == 1


def test_nobody_is_not_served(api: Api, client: TestClient) -> None:
    for path in ("/pipeline/", "/pipeline/runs/abc"):
        assert client.get(path, headers={"kubeflow-userid": ""}).status_code == 401
    assert api.asked == []


def test_a_silent_server_is_said(client: TestClient) -> None:
    def fail() -> list[str]:
        raise KubeError(0, "", "down")

    backend = Backend("http://127.0.0.1:9")
    for namespaces in (lambda: ["ann"], fail):
        app = application(backend, namespaces)
        lone = TestClient(app, headers={"kubeflow-userid": "x"})
        assert lone.get("/pipeline/").status_code == 503
    assert lone.get("/pipeline/apis/v2beta1/healthz").status_code == 502
    backend.close()


@pytest.mark.parametrize("prefix", ["", "/pipeline"])
def test_the_api_is_behind_it(api: Api, client: TestClient, prefix: str) -> None:
    api.answers = {"/apis/v2beta1/experiments/a%2Fb:archive?x=1": (409, '{"code": 6}')}
    headers = {
        "Authorization": "Bearer t",
        "Cookie": "authservice_session=s",
        "Content-Type": "application/json",
    }
    path = f"{prefix}/apis/v2beta1/experiments/a%2Fb:archive?x=1&y=%20"
    answer = client.post(path, content=b'{"a": 1}', headers=headers)
    assert (answer.status_code, answer.json()) == (409, {"code": 6})
    assert "set-cookie" not in answer.headers
    ((method, asked, seen, body),) = api.asked
    assert (method, asked) == ("POST", "/apis/v2beta1/experiments/a%2Fb:archive?x=1&y=%20")
    assert (seen["kubeflow-userid"], seen["authorization"]) == ("ann@example.org", "Bearer t")
    assert "cookie" not in seen
    assert body == b'{"a": 1}'


def test_large_requests_are_refused(api: Api, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkubeflow.pipelines_ui.app.LARGEST_BODY", 10)
    assert client.post("/pipeline/apis/v2beta1/runs", content=b"x" * 11).status_code == 413
    assert api.asked == []


def test_the_entrance(client: TestClient, tmp_path: Path) -> None:
    for path in ("/", "/pipeline"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/pipeline/")
