"""The login through the gateway, against a server that answers as Dex and the authentication service do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from lab.gateway import Credentials
from lab.testing.login import (
    GatewaySession,
    LoginBroken,
    LoginRefused,
    fill_in,
    log_in,
    open_form,
    path_of,
    settled,
)
from lab.testing.waiting import WaitTimeout

HOST = "kubeflow.test"
LOGIN = Credentials("admin", "right")


class Site(BaseHTTPRequestHandler):
    """The gateway with all behind it."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        where = urlsplit(self.path)
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        if self.server.away > 0:
            self.server.away -= 1
            self._answer(503, "upstream connect error")
        elif where.path == "/dex/auth":
            # As a server does that knows itself by its public name only.
            self._answer(302, "", Location=f"http://{HOST}/dex/auth/local/login?back=&state=s")
        elif where.path == "/dex/auth/local/login":
            self._answer(200, "Log in to Your Account")
        elif where.path == "/authservice/oidc/callback":
            asked = parse_qs(where.query)
            if "oidc_state_csrf" not in cookies or asked["state"] != ["s"]:
                self._answer(400, "CSRF check failed")
            elif self.server.forgetful:
                self._answer(500, "Failed to exchange authorization code with token.")
            else:
                cookie = "authservice_session=token; Path=/; Max-Age=86400; SameSite=Lax"
                self._answer(302, "", Location="/", Set_Cookie=cookie)
        elif where.path == "/elsewhere":
            self._answer(302, "", Location="http://elsewhere.test/")
        elif "authservice_session" not in cookies:
            self._answer(
                302, "", Location="/dex/auth?state=s", Set_Cookie="oidc_state_csrf=s; Path=/; HttpOnly"
            )
        else:
            self._answer(200, "the dashboard")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.server.away > 0:
            self.server.away -= 1
            self._answer(503, "upstream connect error")
        elif (form["login"], form["password"]) == (["admin"], ["right"]):
            self._answer(303, "", Location="/authservice/oidc/callback?code=c&state=s")
        else:
            self._answer(200, "Log in to Your Account. Invalid Email Address and password.")

    def _answer(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """What the site does next, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.asked: list[tuple[str, str]] = []
        self.away = 0
        self.forgetful = False


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def session(server: Server) -> Iterator[GatewaySession]:
    with GatewaySession(f"http://127.0.0.1:{server.server_address[1]}", HOST) as found:
        yield found


def test_login(session: GatewaySession, server: Server) -> None:
    log_in(session, LOGIN)
    assert session.token == "token"
    assert session.get("/").text == "the dashboard"
    assert {host for host, _ in server.asked} == {HOST}


def test_wrong_password_is_said_at_once(session: GatewaySession) -> None:
    with pytest.raises(LoginRefused):
        log_in(session, Credentials("admin", "wrong"))
    assert session.token == ""


def test_no_form_where_one_should_be(session: GatewaySession) -> None:
    log_in(session, LOGIN)
    with pytest.raises(LoginBroken, match="does not lead to the login but to /: HTTP 200"):
        open_form(session)


def test_no_session_at_the_end(session: GatewaySession, server: Server) -> None:
    server.forgetful = True
    with pytest.raises(LoginBroken, match="HTTP 500 from /authservice/oidc/callback: Failed to exchange"):
        fill_in(session, open_form(session), LOGIN)
    with pytest.raises(WaitTimeout, match="LoginBroken"):
        log_in(session, LOGIN, deadline=0)


def test_what_comes_back_is_asked_again(session: GatewaySession, server: Server) -> None:
    server.away = 2
    assert session.get("/", allow_redirects=False).status_code == 302
    assert len(server.asked) == 3


def test_an_impatient_one_sees_it(server: Server) -> None:
    server.away = 2
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with GatewaySession(url, HOST, patient=False) as session:
        assert session.get("/").status_code == 503


def test_nothing_outside_is_reached(session: GatewaySession) -> None:
    log_in(session, LOGIN)
    with pytest.raises(requests.exceptions.InvalidSchema, match=r"elsewhere\.test"):
        session.get("/elsewhere")
    assert path_of(session.get("/elsewhere", allow_redirects=False)) == "/"


def test_a_post_is_sent_again_only_by_who_says_so(session: GatewaySession, server: Server) -> None:
    form = open_form(session)
    server.away = 1
    with pytest.raises(LoginBroken, match="HTTP 503"):
        fill_in(session, form, LOGIN)
    server.away = 1
    wrong = {"login": "admin", "password": "wrong"}
    assert settled(lambda: session.post(form.url, data=wrong)).status_code == 200
