from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lab.testing import web
from lab.testing.waiting import WaitTimeout


class Site(BaseHTTPRequestHandler):
    """Knows one host name."""

    def do_GET(self) -> None:
        known = self.headers["Host"] == "one.test"
        body = f"{self.path}\n".encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_server_sees_the_host_name(port: int) -> None:
    assert web.get(port, "/a", host="one.test") == web.Response(200, "/a\n")
    assert web.get(port, "/a", host="two.test").status == 404


def test_waiting_for_a_status(port: int) -> None:
    assert web.wait_for_status(port, "/", host="one.test", status=200, deadline=5).body == "/\n"
    with pytest.raises(WaitTimeout, match="HTTP 404: /"):
        web.wait_for_status(port, "/", host="two.test", status=200, deadline=0)


def test_a_server_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(WaitTimeout, match="Last state: ConnectionRefusedError"):
        web.wait_for_status(1, "/", host="one.test", status=200, deadline=0)
