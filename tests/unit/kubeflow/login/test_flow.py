from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import Site


def test_the_documented_flow(site: Site) -> None:
    asked = site.keeper.get("/pipeline/?a=b")
    assert asked.status_code == 302
    target = urlsplit(asked.headers["Location"])
    assert (target.scheme, target.netloc, target.path) == ("", "", "/dex/auth")
    query = {key: values[0] for key, values in parse_qs(target.query).items()}
    assert query.pop("state") == asked.cookies["oidc_state_csrf"]
    assert query == {
        "client_id": "authservice-oidc",
        "redirect_uri": "/authservice/oidc/callback",
        "response_type": "code",
        "scope": "openid profile email groups",
    }

    local = site.dex.get(asked.headers["Location"])
    assert (local.status_code, urlsplit(local.headers["Location"]).path) == (302, "/dex/auth/local")
    form = site.dex.get(local.headers["Location"])
    assert form.status_code == 302
    assert form.headers["Location"].startswith("/dex/auth/local/login?back=&state=")

    page = site.dex.get(form.headers["Location"])
    assert page.status_code == 200
    for text in (
        "Log in to Your Account",
        'name="login"',
        'name="password"',
        'id="submit-login"',
        "REHEARSAL",
    ):
        assert text in page.text
    assert '<link rel="icon" href="data:,">' in page.text, "browsers would ask the gateway for one"

    sent = site.dex.post(form.headers["Location"], data={"login": "admin", "password": "sesame"})
    assert sent.status_code == 303
    assert urlsplit(sent.headers["Location"]).path == "/authservice/oidc/callback"

    back = site.keeper.get(sent.headers["Location"])
    assert (back.status_code, back.headers["Location"]) == (302, "/pipeline/?a=b")
    cookie = next(c for c in back.headers.get_list("set-cookie") if c.startswith("authservice_session="))
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"httponly", "max-age=86400", "path=/", "samesite=lax"}

    known = site.keeper.get("/pipeline/")
    assert (known.status_code, known.headers["kubeflow-userid"]) == (200, "admin")


@pytest.mark.parametrize(
    ("login", "password"),
    [("admin", "wrong"), ("other", "sesame"), ("admin", ""), ("", ""), ("admin", "s\u00e9same")],
)
def test_a_wrong_password_shows_the_form_again(site: Site, login: str, password: str) -> None:
    form, _ = site.begin()
    again = site.dex.post(form, data={"login": login, "password": password})
    assert again.status_code == 200
    assert "Log in to Your Account" in again.text
    assert "Invalid Email Address and password." in again.text
    right = site.dex.post(form, data={"login": "admin", "password": "sesame"})
    assert right.status_code == 303


def test_what_was_typed_cannot_leave_its_place(site: Site) -> None:
    form, _ = site.begin()
    page = site.dex.post(form, data={"login": '"><script>x</script>', "password": "x"})
    assert "<script>" not in page.text


def test_without_a_password_nobody_logs_in(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from . import conftest

    monkeypatch.setitem(conftest.DEX, "static-password", "")
    site.restart()
    form, _ = site.begin()
    assert site.dex.post(form, data={"login": "admin", "password": ""}).status_code == 200


def test_a_form_can_be_sent_once(site: Site) -> None:
    form, _ = site.begin()
    data = {"login": "admin", "password": "sesame"}
    assert site.dex.post(form, data=data).status_code == 303
    assert site.dex.post(form, data=data).status_code == 400
    assert site.dex.get(form).status_code == 400


@pytest.mark.parametrize("state", ["", "forged"])
def test_a_form_that_nobody_asked_for_is_refused(site: Site, state: str) -> None:
    assert site.dex.get(f"/dex/auth/local/login?state={state}").status_code == 400


def test_a_forged_or_missing_state_is_refused(site: Site) -> None:
    form, state = site.begin()
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"}).headers["Location"]
    forged = site.keeper.get(sent.replace(state, "forged"))
    assert (forged.status_code, "CSRF check failed" in forged.text) == (400, True)
    assert site.keeper.get(sent.partition("&state=")[0]).status_code == 400
    cookies = dict(site.keeper.cookies)
    site.keeper.cookies.clear()
    other_browser = site.keeper.get(sent)
    assert (other_browser.status_code, "CSRF check failed" in other_browser.text) == (400, True)
    site.keeper.cookies.update(cookies)
    assert site.keeper.get(sent).status_code == 302


def test_a_state_that_the_gatekeeper_did_not_make_is_refused(site: Site) -> None:
    site.keeper.cookies.set("oidc_state_csrf", "mine")
    assert site.keeper.get("/authservice/oidc/callback?code=x&state=mine").status_code == 400


def test_a_state_and_a_code_serve_once(site: Site) -> None:
    form, state = site.begin()
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"}).headers["Location"]
    assert site.keeper.get(sent).status_code == 302
    site.keeper.cookies.set("oidc_state_csrf", state)
    assert site.keeper.get(sent).status_code == 400
    site.keeper.cookies.clear()
    _, other = site.begin()
    assert site.keeper.get(sent.replace(state, other)).status_code == 500


def test_a_code_is_good_for_a_minute(site: Site) -> None:
    form, _ = site.begin()
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"}).headers["Location"]
    site.clock.now += 61
    answer = site.keeper.get(sent)
    assert answer.status_code == 500
    assert "authservice_session" not in answer.cookies


def test_a_callback_without_a_code_goes_home(site: Site) -> None:
    answer = site.keeper.get("/authservice/oidc/callback?error=access_denied")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_login_under_way_survives_the_loss_of_both_pods(site: Site) -> None:
    form, _ = site.begin()
    site.restart()
    sent = site.dex.post(form, data={"login": "admin", "password": "sesame"})
    site.restart()
    assert site.keeper.get(sent.headers["Location"]).status_code == 302
    site.restart()
    assert site.keeper.get("/").status_code == 200


def test_secrets_are_neither_logged_nor_kept(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    form, _ = site.begin()
    site.dex.post(form, data={"login": "admin", "password": "wrong-one"})
    session = site.log_in()
    kept = b"".join(path.read_bytes() for path in site.data.iterdir())
    for secret in ("sesame", "wrong-one", session, form.rpartition("=")[2]):
        assert secret.encode() not in kept
    own = [record.getMessage() for record in caplog.records if record.name.startswith("labkubeflow")]
    assert own
    for secret in ("sesame", "wrong-one", session):
        assert not any(secret in line for line in own)
