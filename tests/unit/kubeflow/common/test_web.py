from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import labkubeflow
from labkubeflow.common.web import application
from starlette.testclient import TestClient

PROGRAM = """
    import sys, time
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from labkubeflow.common import web

    def slow(request):
        print("asked", flush=True)
        time.sleep(0.5)
        return PlainTextResponse("done")

    web.log_to_stderr()
    web.serve(web.application([Route("/slow", slow)]), int(sys.argv[1]))
"""


def test_the_probe_is_answered() -> None:
    answer = TestClient(application([])).get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_request_under_way_ends_before_the_server_does() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(port)],
        env={"PYTHONPATH": str(Path(labkubeflow.__path__[0]).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        assert server.stdout is not None
        while "running" not in (line := server.stderr.readline()):
            assert line, "the server ended"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/slow?code=hidden")
        assert server.stdout.readline() == "asked\n"
        server.send_signal(signal.SIGTERM)
        assert connection.getresponse().read() == b"done"
        connection.close()
        _, log = server.communicate(timeout=30)
    finally:
        server.kill()
    assert "hidden" not in log
