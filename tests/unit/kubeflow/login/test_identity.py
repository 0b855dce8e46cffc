from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from labkubeflow.common.service import Service
from labkubeflow.login.identity import DexProvider, IdentityError


class Dex:
    """Answers as told, by path; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                told.asked.append((self.path, parse_qs(body), self.headers["Authorization"]))
                status, content = told.answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - the base class's name

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def dex() -> Iterator[Dex]:
    dex = Dex()
    dex.answers = {
        "/dex/token": (200, json.dumps({"access_token": "T"}).encode()),
        "/dex/userinfo": (200, json.dumps({"sub": "x", "email": "admin"}).encode()),
    }
    thread = threading.Thread(target=dex.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield dex
    dex.server.shutdown()
    thread.join()
    dex.server.server_close()


def ask(dex: Dex) -> str:
    service = Service("Dex", f"http://127.0.0.1:{dex.server.server_port}")
    try:
        return DexProvider(service).user_of("C")
    finally:
        service.close()


def test_a_code_becomes_a_user(dex: Dex) -> None:
    assert ask(dex) == "admin"
    (path, form, _), (other, _, authorization) = dex.asked
    assert (path, other, authorization) == ("/dex/token", "/dex/userinfo", "Bearer T")
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["C"],
        "redirect_uri": ["/authservice/oidc/callback"],
        "client_id": ["authservice-oidc"],
    }


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/dex/token", (400, b'{"error_description": "Invalid or expired code parameter."}'), "expired code"),
        ("/dex/token", (502, b"down"), "HTTP 502 and no JSON"),
        ("/dex/userinfo", (403, b"{}"), "HTTP 403"),
        ("/dex/userinfo", (200, b'{"sub": "x"}'), "no claim 'email'"),
        ("/dex/userinfo", (200, b"[]"), "refuses"),
    ],
)
def test_refusals_are_told(dex: Dex, path: str, answer: tuple[int, bytes], message: str) -> None:
    dex.answers[path] = answer
    with pytest.raises(IdentityError, match=message):
        ask(dex)


def test_no_answer_is_told() -> None:
    with pytest.raises(IdentityError, match="does not answer"):
        DexProvider(Service("Dex", "http://127.0.0.1:1")).user_of("C")
