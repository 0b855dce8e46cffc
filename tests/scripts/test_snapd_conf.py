"""snapd's settings over its socket, against a snapd of a few lines."""

from __future__ import annotations

import http.server
import importlib.util
import json
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import PROVISION, TEMPFAIL

SCRIPT = PROVISION / "snapd_conf.py"


class Snapd(socketserver.ThreadingUnixStreamServer):
    """Keeps what it is told; each change takes two looks."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        self.conf: dict[str, Any] = {}
        self.puts: list[dict[str, Any]] = []
        self.looks = 0
        self.refuse = ""
        self.fail = ""
        super().__init__(path, Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Snapd

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def say(self, kind: str, result: Any, **more: Any) -> None:
        body = json.dumps({"type": kind, "result": result, **more}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/v2/snaps/system/conf":
            self.say("sync", self.server.conf)
        elif self.path == "/v2/changes/7":
            self.server.looks += 1
            status = "Error" if self.server.fail else "Done"
            done = self.server.looks % 2 == 0
            self.say("sync", {"ready": done, "status": status if done else "Doing", "err": self.server.fail})
        else:
            self.say("error", {"message": f"unexpected {self.path}"})

    def do_PUT(self) -> None:
        assert self.path == "/v2/snaps/system/conf"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.puts.append(body)
        if self.server.refuse:
            self.say("error", {"message": self.server.refuse})
            return
        for option, value in body.items():
            group, _, key = option.partition(".")
            there = self.server.conf.setdefault(group, {})
            there.pop(key, None)
            if value is not None:
                there[key] = value
        self.say("async", None, change="7")


@pytest.fixture
def snapd() -> Iterator[Snapd]:
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory, Snapd(f"{directory}/s") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tell(snapd: Snapd, action: str, options: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), action, str(snapd.server_address)],
        input=json.dumps(options),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_what_is_missing_is_set_and_what_is_not_wanted_goes(snapd: Snapd) -> None:
    snapd.conf = {
        "refresh": {"hold": "forever"},
        "proxy": {"http": "http://old:1", "store": "id"},
        "store-certs": {"kubeflow-lab-old": "PEM", "by-hand": "PEM"},
    }
    options = {"proxy.https": "http://me:secret@proxy:1", "store-certs.kubeflow-lab-new": "PEM"}
    assert tell(snapd, "check", options).returncode == 1
    assert snapd.puts == []
    result = tell(snapd, "apply", options)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert snapd.conf == {
        "refresh": {"hold": "forever"},
        "proxy": {"https": "http://me:secret@proxy:1", "store": "id"},
        "store-certs": {"kubeflow-lab-new": "PEM", "by-hand": "PEM"},
    }
    assert tell(snapd, "check", options).returncode == 0
    assert tell(snapd, "apply", options).returncode == 0
    assert len(snapd.puts) == 1, "nothing is set twice"


@pytest.mark.parametrize("how", ["refuse", "fail"])
def test_a_refusal_is_worth_another_try(snapd: Snapd, how: str) -> None:
    setattr(snapd, how, "no such proxy: http://me:secret@proxy:1")
    result = tell(snapd, "apply", {"proxy.http": "http://me:secret@proxy:1"})
    assert result.returncode == TEMPFAIL
    assert (
        result.stderr
        == "::error snapd did not take the network settings: no such proxy: http://***@proxy:1\n"
    )


def test_a_snapd_that_is_away(snapd: Snapd) -> None:
    words = [sys.executable, str(SCRIPT), "check", f"{snapd.server_address}x"]
    assert (
        subprocess.run(words, input="{}", text=True, capture_output=True, timeout=30).returncode == TEMPFAIL
    )


def test_what_the_settings_ask_for(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("snapd_conf", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "kubeflow-lab-ab.crt").write_text("PEM")
    environ = {"HTTP_PROXY": "http://p:1", "NO_PROXY": "a,b", "HTTPS_PROXY": ""}
    assert module.wanted(environ, str(tmp_path)) == {
        "proxy.http": "http://p:1",
        "proxy.no-proxy": "a,b",
        "store-certs.kubeflow-lab-ab": "PEM",
    }
