"""The two ways to the controller: at its own address, and through the API server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from juju_client.api import Api
from juju_client.errors import ApiError, JujuError
from juju_client.kube import Kube
from juju_controller.server import make_server

from .conftest import Lab


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that went through the API server."""
    bodies: list[str] = []

    def post(self: Kube, path: str, body: str, timeout: float = 60) -> str:
        bodies.append(body)
        return json.dumps({"result": "by the API server"})

    monkeypatch.setattr(Kube, "post", post)
    return bodies


@pytest.fixture
def endpoint(lab: Lab) -> Iterator[str]:
    """The address of a controller that serves."""
    server = make_server(0, lab.keeper, "p", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def api_at(endpoint: str, word: str = "p") -> Api:
    account = {"user": "admin", "password": word}
    return Api("uk8sx", {"api-endpoints": [endpoint]}, account, "/nowhere")


def test_a_controller_that_answers_is_asked_directly(endpoint: str, lab: Lab, proxied: list[str]) -> None:
    lab.deploy()
    status = api_at(endpoint).call("FullStatus", model="kubeflow", patterns=[])
    assert "minio" in status["applications"]
    assert proxied == []


def test_a_refusal_is_the_answer(endpoint: str, proxied: list[str]) -> None:
    with pytest.raises(ApiError, match="password"):
        api_at(endpoint, "wrong").call("Ping")
    assert proxied == []


def test_where_nobody_listens_the_api_server_is_asked(proxied: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert api_at(f"127.0.0.1:{free}").call("Ping") == "by the API server"
    assert json.loads(proxied[0])["method"] == "Ping"


def test_a_request_that_was_taken_is_not_sent_again(proxied: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=take)
        thread.start()
        with pytest.raises(JujuError, match="opening API connection"):
            api_at(f"127.0.0.1:{server.getsockname()[1]}").call("Deploy")
        thread.join()
    assert proxied == []


def test_something_else_listens_there(
    endpoint: str, proxied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("juju_client.api.PATH", "/other")
    with pytest.raises(JujuError, match="HTTP 404"):
        api_at(endpoint).call("Ping")
    assert proxied == []
