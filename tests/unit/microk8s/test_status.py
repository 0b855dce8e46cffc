from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from mk8s import status
from mk8s.snap import Snap

ENABLED = {"dns", "rbac"}


@pytest.fixture
def snap(tmp_path: Path) -> Snap:
    made = Snap(tmp_path / "snap", tmp_path / "data", tmp_path / "common")
    made.locks.mkdir(parents=True)
    made.credentials.mkdir()
    made.client_config.touch()
    return made


def test_yaml_of_a_ready_node() -> None:
    read = yaml.safe_load(status.render_yaml(ENABLED))
    assert read["microk8s"] == {"running": True}
    assert read["high-availability"]["nodes"] == [{"address": "127.0.0.1:19001", "role": "voter"}]
    states = {addon["name"]: addon["status"] for addon in read["addons"]}
    assert states["dns"] == states["rbac"] == "enabled"
    assert states["ingress"] == "disabled"
    assert set(read["addons"][0]) == {"name", "repository", "description", "version", "status"}


def test_yaml_of_a_node_that_is_not_ready_has_no_addons() -> None:
    read = yaml.safe_load(status.render_yaml(None))
    assert read["microk8s"] == {"running": False}
    assert "microk8s inspect" in read["high-availability"]["message"]
    assert "addons" not in read


def test_pretty() -> None:
    lines = status.render_pretty(ENABLED).splitlines()
    assert lines[:2] == ["microk8s is running", "high-availability: no"]
    assert lines[5:7] == ["  enabled:", "    dns                  # (core) CoreDNS"]
    assert lines.index("  disabled:") > lines.index("  enabled:")


def test_pretty_without_an_enabled_addon_has_no_such_heading() -> None:
    assert "  enabled:" not in status.render_pretty(set()).splitlines()


def test_short() -> None:
    lines = status.render_short(ENABLED).splitlines()
    assert lines[:3] == ["microk8s is running", "addons:", "core/dns: enabled"]
    assert "core/metallb: disabled" in lines


@pytest.mark.parametrize("render", [status.render_pretty, status.render_short])
def test_not_ready(render: object) -> None:
    assert callable(render)
    assert render(None) == status.NOT_RUNNING


@pytest.mark.parametrize("arguments", [[], ["--format", "yaml"], ["--wait-ready"]])
def test_a_stopped_node_says_so_in_one_line_and_succeeds(
    snap: Snap, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    snap.stopped_lock.touch()
    assert status.run(snap, arguments) == 0
    assert capsys.readouterr().out == "microk8s is not running, try microk8s start\n"


@pytest.mark.parametrize(
    ("arguments", "objects", "code", "output"),
    [
        (["-a", "dns"], {"pod/coredns-1"}, 0, "enabled\n"),
        (["--addon", "core/dns"], set(), 0, "disabled\n"),
        (["--addon", "nonsense"], {"pod/coredns-1"}, 0, "disabled\n"),
        (["--addon", "dns"], None, 1, "disabled\n"),
        (["--format", "short"], None, 1, f"{status.NOT_RUNNING}\n"),
    ],
)
def test_exit_codes(
    snap: Snap,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    objects: set[str] | None,
    code: int,
    output: str,
) -> None:
    monkeypatch.setattr(status, "read_cluster", lambda _: objects)
    assert status.run(snap, arguments) == code
    assert capsys.readouterr().out == output


def test_waiting_ends_at_its_time() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    assert status.wait_for_cluster(lambda: None, 10, clock=lambda: now[0], sleep=sleep) is None
    assert now[0] == 10


def test_waiting_ends_when_the_cluster_is_ready() -> None:
    answers = iter([None, None, {"pod/a"}])
    assert status.wait_for_cluster(lambda: next(answers), 0, sleep=lambda _: None) == {"pod/a"}
