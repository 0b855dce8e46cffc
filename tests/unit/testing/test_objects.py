from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.testing.objects import ObjectStore, open_store
from lab.testing.waiting import WaitTimeout

OBJECTS = {
    "v2/artifacts/sums/r1/draw/numbers": b"[1, 4]",
    "v2/artifacts/sums/r10/draw/numbers": b"[]",
    "v2/artifacts/sums/r1/x": b"x",
}


class S3(BaseHTTPRequestHandler):
    """As much of a bucket as a listing and a download need."""

    refusals: int = 0
    keys_seen: set[str] = set()  # noqa: RUF012

    def do_GET(self) -> None:
        found = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        S3.keys_seen.add(found.group(1) if found else "")
        if S3.refusals:
            S3.refusals -= 1
            self._answer(
                503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>", "application/xml"
            )
            return
        path = urlsplit(self.path).path
        if path == "/mlpipeline":
            keys = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in OBJECTS)
            namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
            head = "<Name>mlpipeline</Name><IsTruncated>false</IsTruncated>"
            body = f"<ListBucketResult {namespace}>{head}{keys}</ListBucketResult>".encode()
            self._answer(200, body, "application/xml")
        else:
            self._answer(200, OBJECTS[path.removeprefix("/mlpipeline/")], "application/octet-stream")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[int]:
    S3.refusals = 0
    S3.keys_seen = set()
    http = ThreadingHTTPServer(("127.0.0.1", 0), S3)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield http.server_address[1]
    http.shutdown()
    http.server_close()


@pytest.fixture
def store(server: int) -> Iterator[ObjectStore]:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    class Kube:
        def path(self, version: str, kind: str, name: str, *, namespace: str) -> str:
            return f"{kind}/{namespace}/{name}"

        def request(self, method: str, path: str) -> Any:
            return {
                "Service/kubeflow/minio": {"spec": {"clusterIP": "10.0.0.1"}},
                "Secret/ns/mlpipeline-minio-artifact": {
                    "data": {"accesskey": encoded("me"), "secretkey": encoded("secret")}
                },
            }[path]

    class Transport:
        @contextmanager
        def tunnel(self, host: str, port: int) -> Iterator[Any]:
            assert (host, port) == ("10.0.0.1", 9000)
            yield SimpleNamespace(port=server)

    kube: Any = Kube()
    transport: Any = Transport()
    with open_store(kube, transport, kubeflow="kubeflow", profile="ns") as opened:
        yield opened


def test_finds_and_reads_what_a_run_stored(store: ObjectStore) -> None:
    assert store.keys("r1") == ["v2/artifacts/sums/r1/draw/numbers", "v2/artifacts/sums/r1/x"]
    assert store.read("v2/artifacts/sums/r1/draw/numbers") == b"[1, 4]"
    assert S3.keys_seen == {"me"}


def test_a_store_that_is_away_is_asked_again(store: ObjectStore, clock: Any) -> None:
    S3.refusals = 1
    store._clock = clock
    assert store.read("v2/artifacts/sums/r1/x") == b"x"
    assert len(clock.slept) == 1


def test_a_store_that_stays_away_is_an_error(store: ObjectStore, clock: Any) -> None:
    S3.refusals = 1000
    store._clock = clock
    with pytest.raises(WaitTimeout, match="SlowDown"):
        store.keys("r1")
