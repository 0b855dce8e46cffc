"""Where the gateway is, by which name it is asked, and who may log in there."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lab import gateway
from lab.config import Settings, load_settings
from lab.errors import KubeflowError
from lab.gateway import Credentials, Entrance
from lab.transport.base import CommandResult

SERVICE = {"status": {"loadBalancer": {"ingress": [{"ip": "10.64.140.43"}]}}}


class Guest:
    """A transport to a guest with one service and one file."""

    def __init__(self, service: str = "", *, returncode: int = 0, file: str | None = None) -> None:
        self.asked = ""
        self._answer = service, returncode
        self._file = file

    def run(self, command: str, *, timeout: float) -> CommandResult:
        self.asked = command
        return CommandResult(command, self._answer[1], self._answer[0], "it said no", 0.1)

    def read_text(self, remote: str) -> str:
        assert remote == ".kubeflow-lab/credentials"
        if self._file is None:
            raise FileNotFoundError(remote)
        return self._file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})


def locate(guest: Guest, settings: Settings) -> Entrance:
    transport: Any = guest
    return gateway.locate(transport, settings)


def credentials(guest: Guest, settings: Settings) -> Credentials:
    transport: Any = guest
    return gateway.credentials(transport, settings)


def test_the_service_in_the_model_says_the_address(settings: Settings) -> None:
    guest = Guest(json.dumps(SERVICE))
    assert locate(guest, settings).address == "10.64.140.43"
    assert "--namespace kubeflow get service istio-ingressgateway-workload" in guest.asked


@pytest.mark.parametrize(
    ("guest", "code"),
    [
        (Guest(returncode=1), "LAB-KF-101"),
        (Guest(), "LAB-KF-102"),
        (Guest(json.dumps({"status": {"loadBalancer": {}}})), "LAB-KF-103"),
        (Guest(json.dumps({"status": {}})), "LAB-KF-103"),
    ],
)
def test_no_address(settings: Settings, guest: Guest, code: str) -> None:
    with pytest.raises(KubeflowError) as caught:
        locate(guest, settings)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("http://dex-auth.kubeflow.svc:5556", "10.0.0.1"),
        ("http://dex-auth.kubeflow.svc.cluster.local:5556", "10.0.0.1"),
        ("nip.io", "10.0.0.1.nip.io"),
        ("https://kubeflow.example.org:8443/x", "kubeflow.example.org"),
        ("", "10.0.0.1"),
    ],
)
def test_the_name_that_the_gateway_is_asked_for(public_url: str, host: str) -> None:
    assert gateway.host_name(public_url, "10.0.0.1") == host


def test_credentials_come_from_the_guest_and_are_kept_for_their_owner(settings: Settings) -> None:
    text = "username=admin\npassword=a=b\n"
    settings.make_state_dir()
    kept = settings.state_dir / "credentials"
    kept.write_text("username=admin\npassword=of the lab before its reset\n", encoding="utf-8")
    assert credentials(Guest(file=text), settings) == Credentials("admin", "a=b")
    assert kept.read_text(encoding="utf-8") == text
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_password_shows_in_no_representation() -> None:
    assert "secret" not in repr(Credentials("admin", "secret")) + str(Credentials("admin", "secret"))


@pytest.mark.parametrize(
    ("file", "code"), [(None, "LAB-KF-104"), ("", "LAB-KF-105"), ("username=admin\n", "LAB-KF-105")]
)
def test_no_credentials(settings: Settings, file: str | None, code: str) -> None:
    with pytest.raises(KubeflowError) as caught:
        credentials(Guest(file=file), settings)
    assert caught.value.code == code
