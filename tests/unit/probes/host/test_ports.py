from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings
from lab.probes.host.ports import Listener, chosen, domain, listener, ports

Make = Callable[..., Settings]


def qemu(name: str) -> Listener:
    return Listener(7, ("/usr/bin/qemu-system-x86_64", "-name", f"guest={name},debug-threads=on"))


def test_a_port_that_is_not_chosen(settings: Make) -> None:
    [finding] = ports(settings(), running=False, listener=lambda _port: None)
    assert (finding.id, finding.level) == ("port-ssh", "ok")


def test_ports_that_are_free(settings: Make) -> None:
    found = list(ports(settings(ports_ssh=2022, ports_http=8080), running=False, listener=lambda _port: None))
    assert [(finding.id, finding.level) for finding in found] == [("port-ssh", "ok"), ("port-http", "ok")]


def test_a_port_that_was_kept(settings: Make) -> None:
    lab = settings()
    (lab.make_state_dir() / "ports.json").write_text('{"ssh": 23456}')
    assert chosen(lab) == {"ssh": 23456}
    [finding] = ports(lab, running=False, listener=lambda _port: Listener(7, ("nginx",)))
    assert finding.level == "failure"
    assert "lab down" in finding.advice
    (lab.state_dir / "ports.json").write_text("nonsense")
    assert chosen(lab) == {}


@pytest.mark.parametrize("running", [True, False])
def test_the_lab_s_own_vm(settings: Make, running: bool) -> None:
    lab = settings(ports_http=8080)
    *_, finding = ports(lab, running=running, listener=lambda _port: qemu(domain(lab)))
    assert (finding.level, finding.found) == ("ok", "8080 leads to this lab's VM")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Listener(7, ("/usr/bin/python3", "-m", "http.server")), "process 7 (python3)"),
        (qemu("lab-000000-kubeflow"), "the VM of another lab, lab-000000-kubeflow (process 7)"),
        (Listener(), "a program of another user"),
    ],
)
def test_a_port_is_taken(settings: Make, owner: Listener, name: str) -> None:
    *_, finding = ports(settings(ports_http=8080), running=True, listener=lambda _port: owner)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-129")
    assert finding.found == f"Port 8080 (http) is taken by {name}"


def test_one_port_for_two_services(settings: Make) -> None:
    lab = settings(ports_http=8080, ports_kubernetes=8080)
    levels = [finding.level for finding in ports(lab, running=False, listener=lambda _port: None)]
    assert levels == ["ok", "failure", "failure"]


def test_who_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        owner = listener(port)
        assert owner is not None
        assert owner.pid == os.getpid()
        assert owner.command
        assert listener(port, proc=tmp_path) == Listener(), "of another user, or no Linux"
    assert listener(port) is None


def test_a_name_of_its_own(settings: Make) -> None:
    assert json.dumps(domain(settings(name="two"))).endswith('-two"')
    assert len(domain(settings())) == len("lab-123456-kubeflow")
