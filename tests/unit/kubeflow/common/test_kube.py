from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from labkubeflow.common.kube import Kube, KubeError


class Server:
    """An API server that answers as told, and remembers what it was asked."""

    def __init__(self, account: Path) -> None:
        self.account = account
        self.asked: list[tuple[str, str, str, Any]] = []
        self.answer: tuple[int, bytes] = (200, b"{}")
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                told.asked.append(
                    (self.command, self.path, self.headers["Authorization"], json.loads(body or "null"))
                )
                self.send_response(told.answer[0])
                self.end_headers()
                self.wfile.write(told.answer[1])

            do_GET = do_POST  # noqa: N815 - the base class's name

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(account / "ca.crt", account / "key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.kube = Kube(f"https://127.0.0.1:{self.server.server_port}", account)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-keyout", "key", "-out", "ca.crt", "-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "token").write_text("first\n")
    server = Server(tmp_path)
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.kube.close()
    server.server.shutdown()
    thread.join()
    server.server.server_close()


def test_the_token_is_read_for_each_request(server: Server) -> None:
    server.kube.request("GET", "/api/v1/pods", query={"labelSelector": "a=b"})
    (server.account / "token").write_text("second\n")
    server.kube.request("GET", "/api")
    assert [(path, token) for _, path, token, _ in server.asked] == [
        ("/api/v1/pods?labelSelector=a%3Db", "Bearer first"),
        ("/api", "Bearer second"),
    ]


def test_a_refusal_tells_why(server: Server) -> None:
    server.answer = (404, b'{"kind": "Status", "reason": "NotFound", "message": "pods \\"a\\" not found"}')
    with pytest.raises(KubeError, match='pods "a" not found') as caught:
        server.kube.request("GET", "/api/v1/namespaces/x/pods/a")
    assert (caught.value.status, caught.value.reason) == (404, "NotFound")


def test_a_refusal_that_is_no_status_is_shown(server: Server) -> None:
    server.answer = (502, b"bad gateway")
    with pytest.raises(KubeError, match="HTTP 502: bad gateway"):
        server.kube.request("GET", "/api")


def test_no_server_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    with pytest.raises(KubeError, match="cannot be reached") as caught:
        Kube("http://127.0.0.1:1", tmp_path).request("GET", "/api")
    assert caught.value.status == 0


def test_a_token_is_reviewed_for_its_audience(server: Server) -> None:
    server.answer = (201, b'{"status": {"authenticated": true, "user": {"username": "u"}}}')
    status = server.kube.review_token("secret", ["pipelines.kubeflow.org"])
    assert status["user"]["username"] == "u"
    method, path, _, body = server.asked[0]
    assert (method, path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews")
    assert body["spec"] == {"token": "secret", "audiences": ["pipelines.kubeflow.org"]}


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [(b'{"status": {"allowed": true}}', True), (b'{"status": {"allowed": false}}', False)],
)
def test_access_is_reviewed(server: Server, answer: bytes, allowed: bool) -> None:
    server.answer = (201, answer)
    attributes = {"namespace": "n", "verb": "get", "group": "pipelines.kubeflow.org", "resource": "runs"}
    assert server.kube.may("u", ["g"], attributes) is allowed
    _, path, _, body = server.asked[0]
    assert path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert body["spec"] == {"user": "u", "groups": ["g"], "resourceAttributes": attributes}
