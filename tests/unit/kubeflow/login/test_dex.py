from __future__ import annotations

from urllib.parse import urlencode

import pytest
from labkubeflow.common.options import OptionError, Options
from labkubeflow.login.dex import Account

from .conftest import DEX, Site

ASKED = {
    "client_id": "authservice-oidc",
    "redirect_uri": "/authservice/oidc/callback",
    "response_type": "code",
    "scope": "openid profile",
    "state": "s",
}
GRANT = {
    "grant_type": "authorization_code",
    "client_id": "authservice-oidc",
    "redirect_uri": "/authservice/oidc/callback",
}


@pytest.mark.parametrize("path", ["/dex/auth", "/dex/auth/local"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "other"),
        ("redirect_uri", "http://elsewhere.example/"),
        ("response_type", "token"),
        ("scope", "email"),
    ],
)
def test_what_is_not_supported_is_refused(site: Site, path: str, name: str, value: str) -> None:
    assert site.dex.get(f"{path}?{urlencode(ASKED)}").status_code == 302
    answer = site.dex.get(f"{path}?{urlencode({**ASKED, name: value})}")
    assert answer.status_code == 400
    assert name in answer.text or value in answer.text or "openid" in answer.text


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("grant_type", "password", "unsupported_grant_type"),
        ("client_id", "other", "invalid_client"),
        ("redirect_uri", "/elsewhere", "invalid_request"),
        ("code", "forged", "invalid_grant"),
    ],
)
def test_tokens_are_given_for_codes_only(site: Site, name: str, value: str, error: str) -> None:
    form, _ = site.begin()
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"}).headers["Location"]
    code = sent.partition("code=")[2].partition("&")[0]
    refused = site.dex.post("/dex/token", data={**GRANT, "code": code, name: value})
    assert refused.status_code in (400, 401)
    assert refused.json()["error"] == error
    assert site.dex.post("/dex/token", data={**GRANT, "code": code}).status_code == 200
    assert site.dex.post("/dex/token", data={**GRANT, "code": code}).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("header", ["", "Bearer forged", "Basic forged"])
def test_users_are_told_for_tokens_only(site: Site, header: str) -> None:
    assert site.dex.get("/dex/userinfo", headers={"Authorization": header}).status_code == 403


def test_keys_are_refused_clearly(site: Site) -> None:
    for path in ("/dex/keys", "/dex/.well-known/openid-configuration"):
        assert site.dex.get(path).status_code == 501


@pytest.mark.parametrize(("name", "value"), [("connectors", "- type: ldap"), ("port", "80")])
def test_options_that_are_not_supported_are_refused(name: str, value: str) -> None:
    with pytest.raises(OptionError, match=name):
        Account.from_options(Options({**DEX, name: value}))


def test_the_password_does_not_show() -> None:
    assert "sesame" not in repr(Account.from_options(Options(DEX)))
