"""The script that runs in the guest, run here against small programs in place of the snaps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.probes import guest

if sys.platform != "linux":
    pytest.skip("the guest is a Linux", allow_module_level=True)


class Here:
    """A transport to this machine, with another directory in place of /snap/bin."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, command: str, *, timeout: float, input: str | None = None) -> Any:  # noqa: A002
        from lab.transport.base import CommandResult

        assert input is not None
        (self.directory / ".local/share/juju").mkdir(parents=True, exist_ok=True)
        script = input.replace("=/snap/bin", f"={self.directory}")
        script = script.replace("=/snap/microk8s/current", f"={self.directory}/inside")
        script = script.replace("=/var/snap/microk8s/current", f"={self.directory}/data")
        script = script.replace("\nsnaps=/snap\n", f"\nsnaps={self.directory}/snaps\n")
        script = script.replace("/usr/bin/snap", f"{self.directory}/snap")
        done = subprocess.run(
            ["bash", "-c", command],
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={"PATH": f"{self.directory}:{os.environ['PATH']}", "HOME": str(self.directory)},
        )
        return CommandResult(command, done.returncode, done.stdout, done.stderr, 0.0)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], None]:
    def write(name: str, body: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    write("sudo", '[ "$1" = -n ] && shift; exec "$@"')
    return write


def ask(tmp_path: Path, kubernetes: guest.Depth = "quick") -> guest.Facts:
    here: Any = Here(tmp_path)
    return guest.ask(here, "uk8sx", "kubeflow", kubernetes=kubernetes)


NODE = '{"items":[{"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}'


def test_nothing_there(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    facts = ask(tmp_path)
    for name in ("snap", "microk8s", "nodes", "daemonsets", "juju"):  # those that are programs
        assert facts.get(name).returncode == guest.NOT_INSTALLED, name
    assert facts.get("controllers").returncode == 1
    assert "No such file" in facts.get("controllers").stderr
    assert facts.text("clock").strip().isdigit()
    assert float(facts.text("uptime").split()[0]) > 0


def test_all_there(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    program("snap", 'echo "$LC_ALL $*"; echo warning >&2')
    program("microk8s", 'if [ "$1" = status ]; then echo "microk8s:"; exit 3; fi; echo "$4"')
    program("juju", 'echo "$JUJU_STATUS_ISO_TIME $*"')
    data = tmp_path / ".local/share/juju"
    data.mkdir(parents=True)
    (data / "controllers.yaml").write_text("controllers:\n  uk8sx:\n    uuid: 1\n", encoding="utf-8")
    facts = ask(tmp_path, "full")
    assert facts.get("snap") == guest.Answer(0, "C version\n", "warning\n")
    assert facts.get("microk8s").returncode == 3
    assert facts.text("daemonsets") == "/apis/apps/v1/daemonsets\n"
    assert facts.text("juju").strip() == "true status --format json --model uk8sx:kubeflow"
    assert facts.get("pods").returncode == guest.NOT_INSTALLED


def test_the_state_of_the_snaps_is_where_they_are_mounted(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    def states() -> str:
        return ask(tmp_path).text("snaps")

    assert states() == "microk8s absent\njuju absent\n"
    (tmp_path / "snaps/microk8s/7").mkdir(parents=True)
    assert states() == "microk8s disabled\njuju absent\n"
    (tmp_path / "snaps/microk8s/current").symlink_to("7")
    assert states() == "microk8s broken\njuju absent\n"
    (tmp_path / "snaps/microk8s/7/meta").mkdir()
    (tmp_path / "snaps/microk8s/7/meta/snap.yaml").touch()
    assert states() == "microk8s ok\njuju absent\n"


def test_pods_are_asked_for_when_something_is_not_ready(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    for late in ('{"status":{"unavailableReplicas":1}}', '{"status":{"numberUnavailable":12}}'):
        program("microk8s", f"case $* in *get\\ pods*) echo why ;; *) echo '{late}' ;; esac")
        assert ask(tmp_path).text("pods") == "why\n"
    program("microk8s", 'echo \'{"status":{"unavailableReplicas":0}}\'')
    assert "pods" not in ask(tmp_path).answers


def test_what_is_known_already_is_not_asked_for(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    program("microk8s", "echo never")
    program("snap", "echo here")
    facts = ask(tmp_path, "known")
    assert not {"nodes", "deployments", "daemonsets", "pods", "microk8s"} & set(facts.answers)
    assert facts.text("snap") == "here\n"


def test_no_controller_no_question(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    program("juju", "echo never")
    assert ask(tmp_path).text("juju") == ""


def test_microk8s_itself_is_asked_only_when_it_must_be(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    program("microk8s", f"if [ $1 = status ]; then echo slow; else echo '{NODE}'; fi")
    assert "microk8s" not in ask(tmp_path).answers
    assert ask(tmp_path, "full").text("microk8s") == "slow\n"
    program(
        "microk8s", f"if [ $1 = status ]; then echo slow; else echo '{NODE.replace('True', 'False')}'; fi"
    )
    assert ask(tmp_path).text("microk8s") == "slow\n"
    program("microk8s", "if [ $1 = status ]; then echo slow; else exit 1; fi")
    assert ask(tmp_path).text("microk8s") == "slow\n"


def test_kubectl_is_run_without_its_wrappers(tmp_path: Path, program: Callable[[str, str], None]) -> None:
    program("microk8s", "echo wrapper; exit 1")
    program("inside/kubectl", f'echo "$*" >>"{tmp_path}/calls"; echo \'{NODE}\'')
    (tmp_path / "data/args").mkdir(parents=True)
    (tmp_path / "data/args/kube-apiserver").write_text("--authorization-mode=RBAC,Node\n")
    facts = ask(tmp_path)
    assert facts.text("nodes") == f"{NODE}\n"
    config = f"--kubeconfig={tmp_path}/data/credentials/client.config"
    assert f"{config} get --raw /api/v1/nodes --request-timeout=15s\n" in (tmp_path / "calls").read_text()
    assert facts.text("apiserver") == "--authorization-mode=RBAC,Node\n"
