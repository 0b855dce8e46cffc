from __future__ import annotations

import re
from pathlib import Path

import pytest
from labkubeflow.gateway.nginx import Surroundings, render
from labkubeflow.gateway.routes import ABSENT, ROUTES

WHERE = Surroundings("10.152.183.10", "kubeflow")
TEXT = render(WHERE, ROUTES, ABSENT)


def location(matcher: str) -> str:
    """The statements of a location."""
    found = re.search(rf"^    location {re.escape(matcher)} {{\n(.*?)^    }}", TEXT, re.DOTALL | re.MULTILINE)
    assert found, matcher
    return found[1]


@pytest.mark.parametrize(
    ("matcher", "upstream"),
    [
        ("/", "kubeflow-dashboard:8082"),
        ("/pipeline", "kfp-ui:3000"),
        ("/katib/", "katib-ui:8080"),
        ("= /katib", "kubeflow-dashboard:8082"),
        ("/kfam/", "kubeflow-profiles:8081"),
    ],
)
def test_a_verified_user_reaches_the_service(matcher: str, upstream: str) -> None:
    body = location(matcher)
    name, _, port = upstream.partition(":")
    assert f"set $upstream {name}.kubeflow.svc.cluster.local;" in body
    assert f"proxy_pass http://$upstream:{port};" in body
    assert "auth_request /_verify;" in body
    assert "proxy_set_header kubeflow-userid $user;" in body
    assert "auth_request_set $user $upstream_http_kubeflow_userid;" in body


@pytest.mark.parametrize(
    ("matcher", "service"), [("/dex/", "dex-auth"), ("/authservice/", "oidc-gatekeeper")]
)
def test_the_login_itself_is_open_and_names_nobody(matcher: str, service: str) -> None:
    body = location(matcher)
    assert f"set $service {service};" in body
    assert "auth_request" not in body
    assert 'proxy_set_header kubeflow-userid "";' in body
    assert "error_log stderr crit;" in body


@pytest.mark.parametrize("prefix", [item.prefix for item in ABSENT])
def test_what_is_absent_says_so_after_the_login(prefix: str) -> None:
    body = location(prefix)
    assert "auth_request /_verify;" in body
    assert "return" not in body
    name = body.partition("try_files /nothing ")[2].partition(";")[0]
    assert "return 404" in location(name)


def test_each_location_that_proxies_names_the_user_or_nobody() -> None:
    """A header that the client sends must not get through anywhere."""
    for body in re.findall(r"^    location \S+(?: \S+)? {\n(.*?)^    }", TEXT, re.DOTALL | re.MULTILINE):
        if "proxy_pass" in body and "internal;" not in body:
            assert "proxy_set_header kubeflow-userid" in body


def test_uploads_may_be_large_except_for_the_login() -> None:
    assert "client_max_body_size 0;" in location("/pipeline")
    # The question about an upload states its length, too.
    assert "client_max_body_size 0;" in location("= /_verify")
    assert "client_max_body_size 64k;" in location("/dex/")


def test_a_service_that_is_down_is_named() -> None:
    assert "error_page 502 504 = @down;" in location("/pipeline")
    assert "error_page 500 = @keeper_down;" in location("/pipeline")
    assert "$service does not answer" in location("@down")


@pytest.mark.parametrize(
    ("text", "resolver"),
    [
        ("search a\nnameserver 10.1.2.3\nnameserver 10.9.9.9\n", "10.1.2.3"),
        ("nameserver fd00::a\n", "[fd00::a]"),
    ],
)
def test_the_name_server_is_the_pods_own(tmp_path: Path, text: str, resolver: str) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    assert Surroundings.read("kubeflow", file) == Surroundings(resolver, "kubeflow")


def test_without_a_name_server_it_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("search a\n")
    with pytest.raises(ValueError, match="names no name server"):
        Surroundings.read("kubeflow", file)
