"""Images that charms name: asked for in a registry on 127.0.0.1, which is as particular as the real ones."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lab.editions import ProbeImage
from lab.options import OptionValue
from lab.probes.host.images import Reference, identity, image
from lab.probes.host.web import Answer, Fetch, NoAnswer, client

DIGEST = f"sha256:{'80cf' * 16}"
LAUNCHER = ProbeImage(
    image=f"registry.example/ml-pipeline/kfp-launcher@{DIGEST}",
    serves="the launcher",
    application="kfp-api",
    option="launcher-image",
)
FRONTEND = ProbeImage(
    image="registry.example/ml-pipeline/frontend:2.0.3",
    serves="the artifacts' server",
    application="kfp-profile-controller",
    option="custom_images",
    key="frontend",
    required=False,
)
Options = Mapping[str, Mapping[str, OptionValue]]


class Registry(http.server.ThreadingHTTPServer):
    """Has the manifests of some images; gives tokens to anybody, for one repository each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manifests = {f"ml-pipeline/kfp-launcher/manifests/{DIGEST}", "mirror/launcher/manifests/2.0.5"}
        self.status = 0
        """What it answers to everything, if not 0."""
        self.token: object = {"token": "t0"}
        self.token_status = 200
        self.delay = 0.0
        self.asked: list[str] = []

    def fetch(self) -> Fetch:
        """Return what asks it in the place of every registry of the example domain."""
        ask = client({})

        def fetch(
            url: str,
            *,
            headers: Mapping[str, str] | None = None,
            method: str = "GET",
            timeout: float = 8.0,
        ) -> Answer:
            assert timeout <= 4.0
            here = url.replace("https://registry.example", f"http://127.0.0.1:{self.server_port}")
            assert here != url, f"nobody else is to be asked: {url}"
            return ask(here, headers=headers, method=method, timeout=min(timeout, 0.5))

        return fetch


class Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self.server.asked.append(f"HEAD {self.path}")
        time.sleep(self.server.delay)
        path = self.path.removeprefix("/v2/")
        repository = path.partition("/manifests/")[0]
        if self.server.status:
            self.send_response(self.server.status)
        elif self.headers["Authorization"] != f"Bearer t0 {repository}":
            self.send_response(401)
            realm = "https://registry.example/token"
            scope = f"repository:{repository}:pull"
            challenge = f'Bearer realm="{realm}",service="registry",scope="{scope}"'
            self.send_header("WWW-Authenticate", challenge)
        elif path in self.server.manifests and "oci.image.index" in self.headers["Accept"]:
            self.send_response(200)
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path.partition('?')[0]}")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        assert query["service"] == ["registry"]
        repository = query["scope"][0].split(":")[1]
        self.send_response(self.server.token_status)
        self.end_headers()
        token = self.server.token
        if isinstance(token, dict):
            token = {name: f"{value} {repository}" for name, value in token.items()}
        self.wfile.write(json.dumps(token).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_an_image_that_is_there(registry: Registry) -> None:
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.id, finding.level) == ("kfp-api-launcher-image", "ok")
    url = f"/v2/ml-pipeline/kfp-launcher/manifests/{DIGEST}"
    assert registry.asked == [f"HEAD {url}", "GET /token", f"HEAD {url}"], "nothing is pulled"


def test_the_other_name_of_a_token(registry: Registry) -> None:
    registry.token = {"access_token": "t0"}
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert finding.level == "ok"


def test_an_image_that_is_gone(registry: Registry) -> None:
    registry.manifests.clear()
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.level, finding.code) == ("failure", "LAB-NET-010")
    assert LAUNCHER.image in finding.found
    assert "HTTP status 404" in finding.found
    assert "option launcher-image of kfp-api" in finding.advice
    assert "applications: {kfp-api: {launcher-image: IMAGE}}" in finding.advice
    assert "docs/editions.md" in finding.advice
    error = finding.error()
    assert "launcher-image" in error.hint
    assert error.exit_code == 30


def test_one_that_is_not_needed(registry: Registry) -> None:
    [finding] = image(FRONTEND, {}, registry.fetch())
    assert (finding.id, finding.level) == ("kfp-profile-controller-frontend", "warning")
    assert 'kfp-profile-controller: {custom_images: "frontend: IMAGE"}' in finding.advice


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_registry_that_gives_it_to_nobody(registry: Registry, status: int) -> None:
    registry.status = status
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.level, finding.code) == ("failure", "LAB-NET-010")


@pytest.mark.parametrize("status", [401, 403])
def test_no_token_for_what_is_not_there(registry: Registry, status: int) -> None:
    registry.token_status = status
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.level, finding.code) == ("failure", "LAB-NET-010")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_registry_that_is_busy_proves_nothing(registry: Registry, status: int) -> None:
    registry.status = status
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.level, f"HTTP status {status}" in finding.found) == ("warning", True)


@pytest.mark.parametrize("token", [[], {}, {"token": None}, "t0"])
def test_no_usable_token(registry: Registry, token: object) -> None:
    registry.token = token
    [finding] = image(LAUNCHER, {}, registry.fetch())
    if token == {"token": None}:
        assert finding.level == "failure", "it is a token, if of no use"
    else:
        assert (finding.level, "gives no token" in finding.found) == ("warning", True)


def test_a_registry_that_does_not_answer(registry: Registry) -> None:
    registry.delay = 1.0
    [finding] = image(LAUNCHER, {}, registry.fetch())
    assert (finding.level, "did not answer in time" in finding.found) == ("warning", True)
    assert "registry.example" in finding.found
    assert list(image(LAUNCHER, {}, registry.fetch(), ["registry.example"])) == [], (
        "the registry's finding says it"
    )


def test_tokens_are_asked_for_by_https_alone(web: Callable[[Mapping[str, Answer | NoAnswer]], Any]) -> None:
    challenge = {"www-authenticate": 'Bearer realm="http://elsewhere.example/token"'}
    service = web({"https://registry.example/": Answer(401, challenge, b"", 0.0)})
    [finding] = image(LAUNCHER, {}, service)
    assert finding.level == "warning"
    assert len(service.asked) == 1


# --- overrides ----------------------------------------------------------------------------------


def test_the_image_that_a_setting_names_is_asked_for_instead(registry: Registry) -> None:
    registry.manifests.discard(f"ml-pipeline/kfp-launcher/manifests/{DIGEST}")
    options: Options = {"kfp-api": {"launcher-image": "registry.example/mirror/launcher:2.0.5"}}
    [finding] = image(LAUNCHER, options, registry.fetch())
    assert (finding.id, finding.level) == ("kfp-api-launcher-image", "ok")
    assert "mirror/launcher:2.0.5" in finding.found
    assert "by the option launcher-image" in finding.found
    assert not [path for path in registry.asked if "ml-pipeline" in path]


def test_a_setting_may_name_one_that_is_gone_too(registry: Registry) -> None:
    options: Options = {"kfp-api": {"launcher-image": "registry.example/mirror/launcher:3"}}
    [finding] = image(LAUNCHER, options, registry.fetch())
    assert (finding.level, finding.code) == ("failure", "LAB-NET-010")
    assert "mirror/launcher:3" in finding.found


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("frontend: registry.example/mirror/launcher:2.0.5", "mirror/launcher"),
        (
            '{"frontend": "registry.example/mirror/launcher:2.0.5", "visualization_server": ""}',
            "mirror/launcher",
        ),
        ("frontend: ''\nvisualization_server: registry.example/x:1\n", "ml-pipeline/frontend"),
        ("visualization_server: registry.example/x:1", "ml-pipeline/frontend"),
    ],
)
def test_one_of_several_in_an_option(registry: Registry, value: str, asked: str) -> None:
    """An empty or missing name means the charm's own, as the charm reads it."""
    options: Options = {"kfp-profile-controller": {"custom_images": value}}
    list(image(FRONTEND, options, registry.fetch()))
    assert all(f"/{asked}/" in path for path in registry.asked if path.startswith("HEAD"))
    assert registry.asked


@pytest.mark.parametrize("value", ["[", "frontend", "- frontend", "frontend: 'no image'"])
def test_an_option_that_the_charm_could_not_read(registry: Registry, value: str) -> None:
    options: Options = {"kfp-profile-controller": {"custom_images": value}}
    [finding] = image(FRONTEND, options, registry.fetch())
    assert (finding.level, finding.code) == ("failure", "LAB-NET-010")
    assert "custom_images" in finding.found
    assert registry.asked == []


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "host", "repository", "version"),
    [
        ("busybox", "registry-1.docker.io", "library/busybox", "latest"),
        ("busybox:1", "registry-1.docker.io", "library/busybox", "1"),
        ("charmedkubeflow/dex:2.36", "registry-1.docker.io", "charmedkubeflow/dex", "2.36"),
        ("docker.io/busybox:1", "registry-1.docker.io", "library/busybox", "1"),
        ("docker.io/library/busybox:1", "registry-1.docker.io", "library/busybox", "1"),
        ("gcr.io/google-containers/busybox", "gcr.io", "google-containers/busybox", "latest"),
        (f"gcr.io/a/b:1@{DIGEST}", "gcr.io", "a/b", DIGEST),
        ("10.64.140.1:5000/a/b/c:x", "10.64.140.1:5000", "a/b/c", "x"),
        ("localhost/a", "localhost", "a", "latest"),
        (" quay.io/a/b:1\n", "quay.io", "a/b", "1"),
    ],
)
def test_a_name_is_completed(name: str, host: str, repository: str, version: str) -> None:
    reference = Reference.parse(name)
    assert (reference.host, reference.repository, reference.version) == (host, repository, version)
    assert reference.url == f"https://{host}/v2/{repository}/manifests/{version}"


@pytest.mark.parametrize("name", ["", "a b", "https://gcr.io/a", "gcr.io/A/b", "a@sha256:12", "a//b", "a:"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no name of an image"):
        Reference.parse(name)


def test_names_of_findings() -> None:
    assert [identity(probe) for probe in (LAUNCHER, FRONTEND)] == [
        "kfp-api-launcher-image",
        "kfp-profile-controller-frontend",
    ]
