"""Stores, registries, names, clock, proxy and certificates."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from lab.editions import Registry
from lab.probes.host.archive import archive
from lab.probes.host.box import box
from lab.probes.host.registries import PREVIEW, TOKEN, docker_hub, registry
from lab.probes.host.stores import charmhub, snap_store
from lab.probes.host.surroundings import certificates, clock, names, proxy, told
from lab.probes.host.web import Answer, NoAnswer, client

Make = Callable[[Mapping[str, Answer | NoAnswer]], Any]
SNAPS = {"microk8s": "1.29/stable", "juju": "3.4/stable"}
HOTEL = b"<html>Welcome to our hotel</html>"
DOCKER = Registry(host="registry-1.docker.io", serves="most images")
RARE = Registry(host="gcr.io", serves="pipelines", required=False)
NOON = 1_700_000_000.0
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


def answer(status: int = 200, body: object = b"", **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, data, NOON)


def allowance(remaining: str) -> Answer:
    return answer(ratelimit_limit="100;w=21600", ratelimit_remaining=remaining)


def store(name: str, *channels: tuple[str, str]) -> Answer:
    entries = [{"channel": {"track": track, "risk": risk}} for track, risk in channels]
    return answer(body={"name": name, "channel-map": entries})


def test_the_snap_store(web: Make) -> None:
    service = web(
        {
            "https://api.snapcraft.io/v2/snaps/info/microk8s": store("microk8s", ("1.29", "stable")),
            "https://api.snapcraft.io/v2/snaps/info/juju": store("juju", ("3.4", "stable"), ("", "edge")),
        }
    )
    [finding] = snap_store(SNAPS, service)
    assert finding.level == "ok"
    assert "microk8s 1.29/stable, juju 3.4/stable" in finding.found
    assert service.headers[0]["Snap-Device-Series"] == "16"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (NoAnswer("its name is not known here"), "its name is not known here"),
        (answer(403), "HTTP status 403"),
        (answer(404), "HTTP status 404"),
        (answer(200, HOTEL), "something else answered"),
        (answer(200, []), "something else answered"),
        (answer(200, {}), "something else answered"),
        (answer(200, {"name": "other"}), "something else answered"),
    ],
)
def test_no_store(web: Make, reply: Answer | NoAnswer, why: str) -> None:
    [finding] = snap_store(SNAPS, web({"https://api.snapcraft.io/": reply}))
    assert (finding.level, finding.code) == ("failure", "LAB-NET-001")
    assert why in finding.found
    assert "--edition rehearsal" in finding.advice
    [finding] = charmhub("kubeflow", "1.8/stable", web({"https://api.charmhub.io/": reply}))
    assert (finding.level, finding.code) == ("failure", "LAB-NET-002")
    assert why in finding.found


def test_a_channel_that_is_not_there(web: Make) -> None:
    service = web({"https://": store("microk8s", ("1.30", "stable"), ("1.31", "edge"))})
    [finding] = snap_store(SNAPS, service)
    assert (finding.level, finding.code) == ("failure", "LAB-NET-003")
    assert finding.advice == "Channels: 1.30/stable, 1.31/edge."
    [finding] = charmhub("kubeflow", "1.8/stable", web({"https://": store("kubeflow", ("1.9", "stable"))}))
    assert (finding.level, finding.code) == ("failure", "LAB-NET-004")


def test_charmhub(web: Make) -> None:
    service = web({"https://api.charmhub.io/v2/charms/info/kubeflow": store("kubeflow", ("1.8", "stable"))})
    [finding] = charmhub("kubeflow", "1.8/stable", service)
    assert finding.level == "ok"


def test_a_box_that_is_here(web: Make, tmp_path: Path) -> None:
    (tmp_path / "boxes" / "debian-VAGRANTSLASH-bookworm64" / "12.1" / "amd64" / "libvirt").mkdir(parents=True)
    [finding] = box("debian/bookworm64", "libvirt", tmp_path, web({}))
    assert (finding.level, "here already" in finding.found) == ("ok", True)


def test_a_box_that_can_be_had(web: Make, tmp_path: Path) -> None:
    (tmp_path / "boxes" / "debian-VAGRANTSLASH-bookworm64" / "12.1" / "virtualbox").mkdir(parents=True)
    service = web({"https://vagrantcloud.com/": answer(body={"name": "debian/bookworm64"})})
    [finding] = box("debian/bookworm64", "libvirt", tmp_path, service)
    assert finding.level == "ok"
    assert service.asked == [("GET", "https://vagrantcloud.com/api/v2/vagrant/debian/bookworm64")]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (answer(404), "HTTP status 404"),
        (answer(200, HOTEL), "something else answered"),
        (answer(200, {"name": "other/box"}), "something else answered"),
        (NoAnswer("it did not answer in time"), "in time"),
    ],
)
def test_no_box(web: Make, tmp_path: Path, reply: Answer | NoAnswer, why: str) -> None:
    [finding] = box("debian/bookworm64", "libvirt", tmp_path, web({"https://": reply}))
    assert (finding.level, finding.code) == ("failure", "LAB-NET-008")
    assert why in finding.found


@pytest.mark.parametrize(
    "reply",
    [
        answer(401, www_authenticate='Bearer realm="https://auth.docker.io/token"'),
        answer(401, docker_distribution_api_version="registry/2.0"),
        answer(200, docker_distribution_api_version="registry/2.0"),
        answer(429),
    ],
)
def test_a_registry(web: Make, reply: Answer) -> None:
    [finding] = registry(DOCKER, web({"https://registry-1.docker.io/v2/": reply}))
    assert (finding.id, finding.level) == ("registry-1.docker.io", "ok")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (answer(200, HOTEL), "something else answered"),
        (answer(401), "something else answered"),
        (answer(404, docker_distribution_api_version="registry/2.0"), "HTTP status 404"),
        (answer(403), "it refuses (HTTP status 403)"),
        (NoAnswer("it did not answer in time"), "in time"),
    ],
)
def test_no_registry(web: Make, reply: Answer | NoAnswer, why: str) -> None:
    service = web({"https://": reply})
    [finding] = registry(DOCKER, service)
    assert (finding.level, finding.code) == ("failure", "LAB-NET-005")
    assert why in finding.found
    [finding] = registry(RARE, service)
    assert finding.level == "warning"


@pytest.mark.parametrize(
    ("reply", "level", "words"),
    [
        (
            allowance("76;w=21600"),
            "ok",
            "76 more pulls of 100 in 6 h",
        ),
        (allowance("12;w=21600"), "warning", "12 more"),
        (allowance("0;w=21600"), "failure", "0 more"),
        (answer(429), "failure", "0 more"),
        (answer(), "ok", "no limit"),
    ],
)
def test_docker_hub(web: Make, reply: Answer, level: str, words: str) -> None:
    service = web({TOKEN: answer(body={"token": "t0"}), PREVIEW: reply})
    [finding] = docker_hub(service)
    assert (finding.level, words in finding.found) == (level, True)
    assert service.asked[1] == ("HEAD", PREVIEW), "another method would count as a pull"
    assert service.headers[1] == {"Authorization": "Bearer t0"}


@pytest.mark.parametrize("reply", [NoAnswer("nothing"), answer(200, HOTEL), answer(200, {})])
def test_docker_hub_says_nothing(web: Make, reply: Answer | NoAnswer) -> None:
    assert list(docker_hub(web({TOKEN: reply}))) == []


def test_names() -> None:
    asked: list[str] = []

    def unknown(name: str) -> None:
        asked.append(name)
        raise socket.gaierror(-2, "Name or service not known")

    hosts = ["a.example", "b.example", "c.example"]
    [finding] = names(hosts, proxied=False, resolve=lambda _name: None)
    assert (finding.level, finding.found) == ("ok", "3 of 3 names are known")
    [finding] = names(hosts, proxied=False, resolve=unknown)
    assert (finding.level, finding.code) == ("failure", "LAB-NET-007")
    assert asked == ["a.example", "b.example"], "each may take its time"
    [finding] = names(hosts, proxied=True, resolve=unknown)
    assert finding.level == "ok"


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [(59, "ok", "to the minute"), (3600, "warning", "3600 s ahead of"), (-120, "warning", "120 s behind")],
)
def test_clock(web: Make, seconds: int, level: str, words: str) -> None:
    reply = Answer(404, {"date": DATE}, b"", NOON + seconds)
    service = web({"https://dead": NoAnswer("nothing"), "https://mute": answer(), "https://live": reply})
    [finding] = clock(["https://dead", "https://mute", "https://live.example/v2/"], service)
    assert (finding.level, words in finding.found) == (level, True)
    assert "live.example" in finding.found


def test_no_clock(web: Make) -> None:
    [finding] = clock(["https://dead"], web({"https://dead": NoAnswer("nothing")}))
    assert finding.level == "warning"


@pytest.mark.parametrize(
    ("environ", "level", "found"),
    [
        ({}, "ok", "none"),
        (
            {"https_proxy": "http://me:secret@proxy:3128", "NO_PROXY": "localhost,.example"},
            "ok",
            "https_proxy=http://***@proxy:3128, no_proxy=localhost,.example",
        ),
        ({"HTTPS_PROXY": "me:secret@proxy:3128"}, "warning", "https_proxy=http://***@proxy:3128"),
        ({"http_proxy": "http://proxy"}, "warning", "http_proxy=http://proxy, but no https_proxy"),
    ],
)
def test_proxy(environ: dict[str, str], level: str, found: str) -> None:
    [finding] = proxy(environ)
    assert (finding.level, finding.found) == (level, found)


def test_certificates(tmp_path: Path) -> None:
    [finding] = certificates({})
    assert finding.level == "ok"
    (tmp_path / "school.pem").touch()
    [finding] = certificates({"SSL_CERT_FILE": f"{tmp_path}/school.pem"})
    assert (finding.level, finding.found) == ("ok", f"SSL_CERT_FILE={tmp_path}/school.pem")
    [finding] = certificates({"REQUESTS_CA_BUNDLE": "/nowhere"})
    assert finding.level == "warning"


def test_what_the_guest_is_told() -> None:
    [finding] = told(["The guest uses a proxy.", "The guest trusts 1 certificate authority of the host."])
    assert finding.found.startswith("The guest uses a proxy. The guest trusts")
    [finding] = told([])
    assert "told nothing" in finding.found


@pytest.mark.parametrize(
    ("reply", "level"),
    [
        (
            answer(
                200, b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian\n"
            ),
            "ok",
        ),
        (answer(200, HOTEL), "failure"),
        (answer(404), "failure"),
        (NoAnswer("nothing"), "failure"),
    ],
)
def test_debian(web: Make, reply: Answer | NoAnswer, level: str) -> None:
    service = web({"http://mirror.example/debian/dists/bookworm/InRelease": reply})
    [finding] = archive("http://mirror.example/debian", "12", service)
    assert finding.level == level
    assert (finding.code == "LAB-NET-009") == (level == "failure")


def verification(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("error", "reason", "advice"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "unknown")), "its name is not known", "proxy variables"),
        (urllib.error.URLError(TimeoutError("timed out")), "in time", "proxy variables"),
        (urllib.error.URLError(verification(10, "certificate has expired")), "expired", "clock"),
        (
            urllib.error.URLError(verification(20, "no local issuer")),
            "not trusted",
            "CA certificate",
        ),
        (urllib.error.URLError(ssl.SSLError(1, "wrong version number")), "something else", "proxy variables"),
        (ConnectionResetError("reset by peer"), "reset by peer", "proxy variables"),
    ],
)
def test_why_there_was_no_answer(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, advice: str
) -> None:
    def fail(_self: object, _request: urllib.request.Request, timeout: float) -> None:
        raise error

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", fail)
    with pytest.raises(NoAnswer) as caught:
        client({})("https://example.org")
    assert reason in caught.value.reason
    assert advice in caught.value.advice


def test_any_status_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = Message()
    headers["WWW-Authenticate"] = "Bearer"

    def refuse(_self: object, request: urllib.request.Request, timeout: float) -> None:
        assert request.get_method() == "HEAD"
        raise urllib.error.HTTPError(request.full_url, 401, "Unauthorized", headers, None)

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    found = client({})("https://example.org", method="HEAD")
    assert (found.status, found.headers["www-authenticate"]) == (401, "Bearer")


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers in the place of whom it is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_is_asked() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        fetch = client({"http": f"http://127.0.0.1:{server.server_port}"}, "no certificate")
        assert fetch("http://mirror.invalid/debian").body == b"http://mirror.invalid/debian"
