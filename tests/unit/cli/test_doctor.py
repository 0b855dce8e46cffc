"""The command doctor, with the findings in the test's hands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli import change, doctor, main
from lab.config import Settings
from lab.errors import HostError, VMError
from lab.plan import preflight
from lab.probes.host.finding import COMPUTER, NETWORK, Finding, Report
from tests.unit.cli.conftest import STEP

OK = COMPUTER.ok("memory", "8.0 GiB")
NO_STORE = NETWORK.failure("snap-store", "No store", "Go online.", code="LAB-NET-001")


class FakeMachine:
    def __init__(self, _settings: Settings) -> None:
        pass

    def exists(self) -> bool:
        return True

    def state(self) -> str:
        raise HostError("there is no Vagrant", code="LAB-HOST-104")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the doctor on findings; return the exit code."""
    for name in [name for name in os.environ if name.startswith("LAB_")]:
        monkeypatch.delenv(name)
    (tmp_path / "Vagrantfile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "machine", FakeMachine)

    def run(*findings: Finding, arguments: tuple[str, ...] = ()) -> int:
        def look(settings: Settings, state: str, *, thorough: bool) -> Report:
            assert (state, thorough) == ("unknown", "--thorough" in arguments)
            return Report(findings)

        monkeypatch.setattr(preflight, "doctor", look)
        with pytest.raises(SystemExit) as caught:
            main(["doctor", *arguments], program="python -m lab")
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_all_is_well(lab: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert lab(OK, arguments=("--edition", "rehearsal")) == 0
    out = capsys.readouterr().out
    assert out.startswith("REHEARSAL: this computer, for the lab kubeflow, edition rehearsal\n")
    assert out.endswith("A lab can come up here.\n")
    assert "\x1b" not in out


def test_failures_are_the_exit_code(lab: Callable[..., int]) -> None:
    assert lab(OK, NO_STORE, arguments=("--thorough",)) == 30


def test_for_programs(lab: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert lab(OK, NO_STORE, arguments=("--json",)) == 30
    data = json.loads(capsys.readouterr().out)
    assert (data["ok"], data["edition"], data["exit_code"]) == (False, "kubeflow-1.8", 30)
    assert data["findings"][1] == {
        "id": "snap-store",
        "subject": "network",
        "level": "failure",
        "found": "No store",
        "advice": "Go online.",
        "code": "LAB-NET-001",
    }


class NewMachine(FakeMachine):
    def state(self) -> str:
        return "not_created"

    def up(self, on_line: Callable[[str], None] | None = None) -> None:
        raise VMError("This test has no VM.", code="LAB-VM-101")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 30, "LAB-NET-001: No store.\nWhat to do: Go online.\n"),
        (("--force",), 20, "LAB-VM-101: This test has no VM.\n"),
    ],
)
def test_up_looks_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    for name in [name for name in os.environ if name.startswith("LAB_")]:
        monkeypatch.delenv(name)
    (tmp_path / "Vagrantfile").touch()
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision" / "10-snapd.sh").write_text(STEP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(change, "machine", NewMachine)
    monkeypatch.setattr(preflight, "preflight", lambda settings, state: Report((OK, NO_STORE)))
    with pytest.raises(SystemExit) as caught:
        main(["up", *arguments], program="python -m lab")
    out, err = capsys.readouterr()
    assert caught.value.code == code
    assert words in err
    assert ("Ignored (--force): LAB-NET-001: No store." in out) == bool(arguments)
