"""`lab open`: what is printed, what is opened, and that no password shows unless it is asked for."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab.transport.base import CommandResult
from tests.unit.cli.conftest import Lab

SERVICE = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "10.64.140.43"}]}}})
PASSWORD = "correct-horse-battery"


@dataclass
class Tunnel:
    port: int


class Guest:
    """A transport to a guest with a gateway; Ctrl-C comes as soon as somebody waits."""

    def __init__(self, service: str = SERVICE) -> None:
        self.service = service
        self.tunnels: list[tuple[str, int]] = []
        self.open = 0
        self.closed = False

    def run(self, command: str, *, timeout: float) -> CommandResult:
        return CommandResult(command, 0, self.service, "", 0.1)

    def read_text(self, remote: str) -> str:
        return f"username=admin\npassword={PASSWORD}\n"

    @contextlib.contextmanager
    def tunnel(self, host: str, port: int, local_port: int = 0) -> Iterator[Tunnel]:
        if local_port == 2000:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self.tunnels.append((host, port))
        self.open += 1
        yield Tunnel(local_port or 40001)
        self.open -= 1

    def is_alive(self) -> bool:
        assert self.open == 1, "the tunnel has to be there while somebody waits"
        raise KeyboardInterrupt

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Guest:
    found = Guest()
    monkeypatch.setattr("lab.cli.browse.connect", lambda _settings: found)
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def note(url: str) -> bool:
        found.append(url)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", note)
    return found


@pytest.mark.parametrize(
    ("page", "path"), [("dashboard", "/"), ("pipelines", "/_/pipeline/"), ("katib", "/_/katib/")]
)
def test_a_browser_is_led_to_a_page(lab: Lab, guest: Guest, opened: list[str], page: str, path: str) -> None:
    assert lab("--edition", "rehearsal", "open", page) == 0
    url = f"http://127.0.0.1:40001{path}"
    assert opened == [url]
    assert guest.tunnels == [("10.64.140.43", 80)]
    assert (guest.open, guest.closed) == (0, True)
    first, user, password = lab.out.splitlines()
    assert first == f"REHEARSAL: the {page} page is at {url} until Ctrl-C."
    assert user == "User:     admin"
    assert "credentials; --password shows it" in password
    assert PASSWORD not in lab.out + lab.err


def test_the_password_is_shown_to_who_asks(lab: Lab, guest: Guest, opened: list[str]) -> None:
    assert lab("open", "--password") == 0
    assert f"Password: {PASSWORD}" in lab.out.splitlines()


def test_the_address_alone(lab: Lab, guest: Guest, opened: list[str]) -> None:
    assert lab("open", "pipelines", "--url", "--port", "2001") == 0
    assert lab.out == "http://127.0.0.1:2001/_/pipeline/\n"
    assert opened == []
    assert guest.tunnels


def test_json(lab: Lab, guest: Guest, opened: list[str]) -> None:
    assert lab("open", "--json") == 0
    told = json.loads(lab.out)
    assert told["url"] == "http://127.0.0.1:40001/"
    assert (told["address"], told["host"], told["username"]) == ("10.64.140.43", "10.64.140.43", "admin")
    assert "password" not in told
    assert opened == []
    assert lab("open", "--json", "--password") == 0
    assert json.loads(lab.out)["password"] == PASSWORD


def test_no_display(lab: Lab, guest: Guest, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert lab("open") == 0
    assert opened == []
    assert "Open this address" in lab.err


@pytest.mark.parametrize("arguments", [["--url", "--json"], ["--url", "--password"], ["no-such-page"]])
def test_what_does_not_go_together(lab: Lab, guest: Guest, arguments: list[str]) -> None:
    assert lab("open", *arguments) == 2
    assert "Usage" in lab.err
    assert guest.tunnels == []


def test_a_port_that_is_taken(lab: Lab, guest: Guest) -> None:
    assert lab("open", "--port", "2000") == 10
    assert "LAB-HOST-024: Port 2000" in lab.err
    assert guest.closed


def test_no_gateway(lab: Lab, guest: Guest) -> None:
    guest.service = ""
    assert lab("open") == 60
    assert "LAB-KF-102" in lab.err
    assert guest.closed
