from __future__ import annotations

import http.client
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import labkubeflow
from labkubeflow.common.certificate import Certificate
from labkubeflow.common.web import application
from starlette.testclient import TestClient

PROGRAM = """
    import sys, time
    from pathlib import Path
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from labkubeflow.common import web

    def slow(request):
        print("asked", flush=True)
        time.sleep(0.5)
        return PlainTextResponse("done")

    web.log_to_stderr()
    certificate = tuple(map(Path, sys.argv[2:])) or None
    web.serve(web.application([Route("/slow", slow)]), int(sys.argv[1]), certificate=certificate)
"""


def test_the_probe_is_answered() -> None:
    answer = TestClient(application([])).get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


@contextmanager
def running(*arguments: object) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run the program; give its port and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(port), *map(str, arguments)],
        env={"PYTHONPATH": str(Path(labkubeflow.__path__[0]).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        while "running" not in (line := server.stderr.readline()):
            assert line, "the server ended"
        yield port, server
    finally:
        server.kill()
        server.communicate(timeout=30)


def test_a_request_under_way_ends_before_the_server_does() -> None:
    with running() as (port, server):
        assert server.stdout is not None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/slow?code=hidden")
        assert server.stdout.readline() == "asked\n"
        server.send_signal(signal.SIGTERM)
        assert connection.getresponse().read() == b"done"
        connection.close()
        _, log = server.communicate(timeout=30)
    assert "hidden" not in log


def test_it_serves_by_https_for_who_knows_the_certificate(tmp_path: Path) -> None:
    made = Certificate.make("webhook", "kubeflow")
    with running(*made.write(tmp_path)) as (port, _):
        context = ssl.create_default_context(cadata=made.public.decode())
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname="webhook.kubeflow.svc") as connection,
        ):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: webhook\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
