from __future__ import annotations

import pytest
from labkubeflow.common.options import Options
from labkubeflow.login.gatekeeper import AUDIENCES, SESSION_SECONDS, Settings

from .conftest import GATEKEEPER, Site


def test_the_gateway_is_told_where_to_log_in(site: Site) -> None:
    answer = site.keeper.get("/verify", headers={"X-Original-URI": "/katib/?x=1"})
    assert answer.status_code == 401
    assert answer.headers["X-Login"].startswith("/dex/auth?")
    assert "Location" not in answer.headers
    assert answer.headers["Set-Cookie"].startswith("oidc_state_csrf=")


def test_the_gateway_is_told_who_asks(site: Site) -> None:
    site.log_in()
    answer = site.keeper.get("/verify", headers={"X-Original-URI": "/", "kubeflow-userid": "other"})
    assert (answer.status_code, answer.headers["kubeflow-userid"]) == (200, "admin")


@pytest.mark.parametrize("value", ["rubbish", "", "a.b.c"])
def test_a_garbage_cookie_leads_to_the_login(site: Site, value: str) -> None:
    assert site.status(Cookie=f"authservice_session={value}") == 302


@pytest.mark.parametrize("value", ["rubbish", "a.b.c", ""])
def test_a_garbage_bearer_leads_to_the_login(site: Site, value: str) -> None:
    assert site.status(Authorization=f"Bearer {value}") == 302


def test_a_session_serves_as_bearer(site: Site) -> None:
    session = site.log_in()
    assert site.status(Authorization=f"Bearer {session}") == 200
    assert site.status(Authorization=f"Basic {session}") == 302


def test_a_session_ends_after_a_day(site: Site) -> None:
    session = site.log_in()
    site.clock.now += SESSION_SECONDS - 1
    assert site.status(Cookie=f"authservice_session={session}") == 200
    site.clock.now += 1
    assert site.status(Cookie=f"authservice_session={session}") == 302


def test_logout(site: Site) -> None:
    session = site.log_in()
    by_cookie = site.keeper.post("/authservice/logout")
    assert by_cookie.status_code == 401
    assert site.status(Cookie=f"authservice_session={session}") == 200
    answer = site.keeper.post("/authservice/logout", headers={"Authorization": f"Bearer {session}"})
    assert (answer.status_code, answer.json()) == (201, {"afterLogoutURL": "http://kubeflow.lab"})
    assert site.status(Cookie=f"authservice_session={session}") == 302
    again = site.keeper.post("/authservice/logout", headers={"Authorization": f"Bearer {session}"})
    assert again.status_code == 401


def test_logout_ends_one_session_only(site: Site) -> None:
    first, second = site.log_in(), site.log_in()
    site.keeper.post("/authservice/logout", headers={"Authorization": f"Bearer {first}"})
    assert site.status(Cookie=f"authservice_session={second}") == 200


def test_a_kubernetes_token_is_shown_to_the_api_server(site: Site) -> None:
    user = {"username": "system:serviceaccount:lab:default-editor"}
    site.reviewer.statuses["good.kube.token"] = {"authenticated": True, "user": user}
    answer = site.keeper.get("/", headers={"Authorization": "Bearer good.kube.token"})
    assert (answer.status_code, answer.headers["kubeflow-userid"]) == (200, user["username"])
    assert site.reviewer.audiences == [AUDIENCES]


def test_an_expired_kubernetes_token_is_refused(site: Site) -> None:
    site.reviewer.statuses["old.kube.token"] = {"error": "[invalid bearer token, Token has expired.]"}
    assert site.status(Authorization="Bearer old.kube.token") == 401
    headers = {"Authorization": "Bearer old.kube.token", "X-Original-URI": "/"}
    answer = site.keeper.get("/verify", headers=headers)
    assert answer.status_code == 401
    assert "X-Login" not in answer.headers


def test_without_the_api_server_a_token_is_nobodys(site: Site) -> None:
    site.reviewer.down = True
    assert site.status(Authorization="Bearer good.kube.token") == 302


@pytest.mark.parametrize(
    "target", ["//elsewhere.example/", "/\\elsewhere.example", "http://elsewhere.example/", ""]
)
def test_a_login_does_not_lead_elsewhere(site: Site, target: str) -> None:
    asked = site.keeper.get("/verify", headers={"X-Original-URI": target})
    local = site.dex.get(asked.headers["X-Login"])
    form = site.dex.get(local.headers["Location"]).headers["Location"]
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"})
    assert site.keeper.get(sent.headers["Location"]).headers["Location"] == "/"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_each_method_needs_a_login(site: Site, method: str) -> None:
    assert site.keeper.request(method, "/pipeline/apis/v2beta1/runs").status_code == 302


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        ("/dex/auth", True),
        ("/open/x", True),
        ("/pipeline", False),
        ("/dex", False),
        ("/dex/../pipeline", False),
        ("/dex/%2e%2e/pipeline", False),
        ("/dex//x", False),
        ("/dex/./x", False),
    ],
)
def test_paths_without_login(path: str, skipped: bool) -> None:
    settings = Settings.from_options(Options({**GATEKEEPER, "skip-auth-urls": "/open/, "}))
    assert settings.skips(path) is skipped
