"""The gateway, the login and the dashboard, through the gateway's address as a person's browser uses it.

What answers what is told by arrikto/oidc-authservice (server.go), dexidp/dex (server/handlers.go) and, for
the dashboard, by kubeflow/kubeflow (components/centraldashboard/app/api_workgroup.ts).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.gateway import SESSION_COOKIE, Credentials
from lab.testing.kubeflow import OTHER_OWNER, Gateway
from lab.testing.login import GatewaySession, LoginRefused, log_in, open_form, path_of, settled

pytestmark = pytest.mark.login

PREFIXES = (
    *("/", "/pipeline/", "/katib/", "/jupyter/", "/volumes/", "/tensorboards/", "/ml_metadata"),
    # What programs use is no less closed than what people do.
    *("/api/workgroup/env-info", "/pipeline/apis/v2beta1/runs", "/jupyter/api/namespaces/kubeflow/notebooks"),
)
"""What the charms ask the gateway to serve (relation `ingress`), and some of what is below."""

LOGIN = "/dex/auth"
CALLBACK = "/authservice/oidc/callback"
LOGOUT = "/authservice/logout"
USER_HEADER = "kubeflow-userid"
STATE_COOKIE = "oidc_state_csrf"
DAY = 86400.0
"""Seconds for which a session is good (canonical/oidc-gatekeeper-operator, src/charm.py)."""


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[GatewaySession]:
    """A browser of its own, which nobody has logged in with yet."""
    with gateway.session() as session:
        yield session


@pytest.fixture
def own_login(browser: GatewaySession, credentials: Credentials) -> GatewaySession:
    """A session that a test may end."""
    log_in(browser, credentials)
    return browser


@pytest.mark.parametrize("prefix", PREFIXES)
def test_nothing_is_shown_without_a_login(browser: GatewaySession, prefix: str) -> None:
    answer = browser.get(prefix, allow_redirects=False)
    assert answer.status_code == 302
    assert path_of(answer) == LOGIN
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["redirect_uri"][0].endswith(CALLBACK)
    assert STATE_COOKIE in answer.cookies
    assert SESSION_COOKIE not in answer.cookies


def test_login_gives_a_session(browser: GatewaySession, credentials: Credentials) -> None:
    assert "Log in to Your Account" in open_form(browser).text
    log_in(browser, credentials)
    [cookie] = [cookie for cookie in browser.cookies if cookie.name == SESSION_COOKIE]
    assert cookie.expires is not None
    assert DAY - 3600 < cookie.expires - time.time() <= DAY + 60
    assert browser.get("/", allow_redirects=False).status_code != 302


def test_wrong_password(browser: GatewaySession, credentials: Credentials) -> None:
    with pytest.raises(LoginRefused):
        log_in(browser, replace(credentials, password=f"{credentials.password}x"))
    assert not browser.token
    assert browser.get("/", allow_redirects=False).status_code == 302


def test_unknown_user(browser: GatewaySession, credentials: Credentials) -> None:
    with pytest.raises(LoginRefused):
        log_in(browser, replace(credentials, username=OTHER_OWNER))
    assert not browser.token


def test_logout_ends_the_session(gateway: Gateway, own_login: GatewaySession) -> None:
    token = own_login.token
    # A page of somebody else could send the cookie along, but not this header.
    answer = settled(lambda: own_login.post(LOGOUT, allow_redirects=False))
    assert answer.status_code == 401
    bearer = {"Authorization": f"Bearer {token}"}
    answer = settled(lambda: own_login.post(LOGOUT, headers=bearer, allow_redirects=False))
    assert answer.status_code == 201

    with gateway.session() as stranger:
        old = {"Cookie": f"{SESSION_COOKIE}={token}"}
        answer = stranger.get("/", headers=old, allow_redirects=False)
        assert (answer.status_code, path_of(answer)) == (302, LOGIN)


def test_garbage_is_no_session(browser: GatewaySession) -> None:
    garbage = {"Cookie": f"{SESSION_COOKIE}=MTYwMDAwMDAwMHxub3QgYSBzZXNzaW9u"}
    answer = browser.get("/", headers=garbage, allow_redirects=False)
    assert (answer.status_code, path_of(answer)) == (302, LOGIN)


@pytest.mark.parametrize("began", [False, True], ids=["of a stranger", "in a login that was begun"])
def test_forged_state_is_refused(browser: GatewaySession, began: bool) -> None:
    if began:
        open_form(browser)
        assert STATE_COOKIE in browser.cookies
    forged = {"code": "forged", "state": "forged"}
    answer = browser.get(CALLBACK, params=forged, allow_redirects=False)
    assert answer.status_code == 400
    assert not browser.token


def test_a_name_in_a_header_is_no_login(browser: GatewaySession, credentials: Credentials) -> None:
    answer = browser.get("/", headers={USER_HEADER: credentials.username}, allow_redirects=False)
    assert (answer.status_code, path_of(answer)) == (302, LOGIN)


def test_the_dashboard_is_served(login: GatewaySession) -> None:
    answer = login.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Kubeflow" in answer.text


def test_the_dashboard_knows_who_it_is(login: GatewaySession, credentials: Credentials) -> None:
    answer = login.get("/api/workgroup/env-info")
    assert answer.status_code == 200
    assert answer.json()["user"] == credentials.username


def test_nobody_becomes_another_by_a_header(login: GatewaySession, credentials: Credentials) -> None:
    # Envoy puts what the authentication service says in the place of what the client said.
    answer = login.get("/api/workgroup/env-info", headers={USER_HEADER: OTHER_OWNER})
    assert answer.json()["user"] == credentials.username
