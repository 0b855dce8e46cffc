"""The commands that take the lab through time: options, questions and output."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from lab.config import Settings
from lab.plan.checkpoints import Checkpoint, Checkpoints
from lab.plan.recovery import Recovery
from tests.unit.cli.conftest import Lab

SNAPSHOT = Checkpoint(
    "lesson-1", "2026-11-24T12:00:00+00:00", "rehearsal", "running", True, "", "14/14 applications", 3 << 29
)


@pytest.fixture
def shelf(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the machine's snapshots."""
    names = ["lesson-1", "by-hand"]

    class FakeSnapshots:
        def __init__(self, settings: Settings) -> None:
            assert settings.name == "kubeflow"

        def names(self) -> list[str]:
            return names

    monkeypatch.setattr("lab.vm.snapshots.Snapshots", FakeSnapshots)
    Checkpoints(lab.state).save(SNAPSHOT)
    return names


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the recovery, in its place."""
    calls: list[str] = []

    def note(name: str) -> Callable[..., str]:
        def act(_self: Recovery, *arguments: str, **options: bool) -> str:
            calls.append(" ".join([name, *arguments, *(key for key, on in options.items() if on)]))
            return f"{name}d ready: clock +0.2 s, 14/14 applications, 41 s"

        return act

    for name in ("save", "restore", "delete", "suspend", "resume", "heal"):
        monkeypatch.setattr(Recovery, name, note(name))
    return calls


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["snapshot", "save", "lesson-1"], "save lesson-1"),
        (["snapshot", "save", "lesson-1", "--force"], "save lesson-1 force"),
        (["snapshot", "restore", "lesson-1", "--yes"], "restore lesson-1"),
        (["snapshot", "restore", "lesson-1"], "restore lesson-1"),
        (["snapshot", "delete", "lesson-1"], "delete lesson-1"),
        (["suspend"], "suspend"),
        (["resume"], "resume"),
        (["heal"], "heal"),
    ],
)
def test_each_command_ends_with_what_was_found(
    lab: Lab, called: list[str], arguments: Sequence[str], call: str
) -> None:
    assert lab(*arguments) == 0
    assert called == [call]
    assert lab.out.endswith(" ready: clock +0.2 s, 14/14 applications, 41 s\n")


def test_a_person_is_asked_before_the_present_is_lost(
    lab: Lab, called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.cli.talk._person", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    for command in ("restore", "delete"):
        assert lab("snapshot", command, "lesson-1") == 130
    assert called == []


@pytest.mark.parametrize("command", ["save", "list", "restore", "delete"])
def test_each_explains_itself(lab: Lab, command: str) -> None:
    assert lab("snapshot", command, "--help") == 0
    assert f"python -m lab snapshot {command}" in lab.out
    assert ("--json" in lab.out) == (command == "list")
    assert ("--events" in lab.out) == (command != "list")


def test_snapshot_explains_itself(lab: Lab) -> None:
    assert lab("snapshot", "--help") == 0
    assert "python -m lab snapshot save lesson-3" in lab.out


def test_the_list(lab: Lab, shelf: list[str]) -> None:
    assert lab("snapshot", "list") == 0
    assert lab.out == (
        "NAME      SAVED             VM       READY  SIZE     CONTENTS\n"
        "by-hand   ?                 ?        ?      ?\n"
        "lesson-1  2026-11-24 12:00  running  ready  1.5 GiB  14/14 applications\n"
    )
    assert lab("snapshot", "list", "--json") == 0
    assert [entry["name"] for entry in json.loads(lab.out)] == ["by-hand", "lesson-1"]
    assert json.loads(lab.out)[1] == SNAPSHOT.to_dict()
    shelf.clear()
    assert lab("snapshot", "list") == 0
    assert "There are no snapshots." in lab.out


def test_a_name_that_is_not_there(lab: Lab, shelf: list[str]) -> None:
    assert lab("snapshot", "restore", "leson-1") == 2
    assert "LAB-SNAP-002: There is no snapshot 'leson-1'." in lab.err
    assert "Did you mean 'lesson-1'?" in lab.err


def test_a_lab_that_is_not_there(lab: Lab, shelf: list[str]) -> None:
    lab.machine_state = "not_created"
    assert lab("snapshot", "list", "--json") == 0
    assert json.loads(lab.out) == []
    for arguments in (["snapshot", "save", "a"], ["suspend"], ["resume"], ["heal"]):
        assert lab(*arguments) == 20
        assert "LAB-SNAP-006: The lab 'kubeflow' has no VM." in lab.err
