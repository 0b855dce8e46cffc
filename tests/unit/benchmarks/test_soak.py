"""The soak: what counts as a good cycle, and that it goes on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import record, survey
from benchmarks.lab import Lab
from benchmarks.soak import Soak, render
from lab.config import load_settings
from lab.process import Result

FIGURES = "figure disk_mib 900\nfigure memory_mib 200\nfact boot abc\n"
STATUS = json.dumps({"layers": [{"items": []}, {"items": [{"ready": True}, {"ready": True}]}]})


class FakeLab:
    """Answers as the lab's command line does; fails or is interrupted at the call that it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.found: list[str] = []
        self.failing = ""
        self.interrupted_at = 0

    def run(self, argv: Sequence[str], *, env: dict[str, str], log: Path, **_: Any) -> Result:
        assert argv[1:3] == ["-m", "lab"]
        assert env == {"LAB_NAME": "soak", "LAB_EDITION": "rehearsal"}
        self.calls.append(argv[3])
        if len(self.calls) == self.interrupted_at:
            raise KeyboardInterrupt
        answers = {"up": "", "reset": "", "exec": FIGURES + "".join(self.found), "status": STATUS}
        return Result(tuple(argv), 40 if argv[3] == self.failing else 0, answers[argv[3]], "", 61.0)


@pytest.fixture
def fake() -> FakeLab:
    return FakeLab()


@pytest.fixture
def soak(tmp_path: Path, fake: FakeLab) -> Soak:
    (tmp_path / "Vagrantfile").touch()
    settings = load_settings(tmp_path, overrides={"name": "soak", "edition": "rehearsal"}, environ={})
    runner: Any = fake.run
    return Soak.of(Lab(settings, lambda line: None, runner))


CYCLE = ["reset", "exec", "up", "status"]


def test_each_cycle_resets_looks_and_brings_up(soak: Soak, fake: FakeLab) -> None:
    assert soak.go_on(2) == 0
    assert fake.calls == ["up", *CYCLE, *CYCLE], "without a machine an `up` comes first"
    assert [cycle["outcome"] for cycle in soak.series()] == ["ready", "ready"]
    assert soak.series()[1]["applications"] == 2


def test_a_finished_series_is_not_repeated(soak: Soak, fake: FakeLab) -> None:
    soak.go_on(1)
    fake.calls.clear()
    assert soak.go_on(1) == 0
    assert fake.calls == []
    soak.forget()
    assert soak.series() == []


def test_it_goes_on_after_an_interruption(soak: Soak, fake: FakeLab) -> None:
    fake.interrupted_at = 8
    with pytest.raises(KeyboardInterrupt):
        soak.go_on(2)
    fake.interrupted_at = 0
    # Half a line, as a power cut leaves it.
    with soak.record.open("a") as file:
        file.write('{"cycle": 2, "beg')
    assert soak.go_on(2) == 0
    assert [cycle["cycle"] for cycle in soak.series()] == [1, 2]


def test_a_failure_ends_the_series_with_its_exit_code(soak: Soak, fake: FakeLab) -> None:
    fake.failing = "reset"
    assert soak.go_on(2) == 40
    assert "ended with exit code 40" in render(soak.series())
    fake.failing = ""
    assert soak.go_on(2) == 0
    assert [cycle["outcome"] for cycle in soak.series()] == ["ready", "ready"], "a new series"


def test_what_a_later_purge_leaves_is_named(soak: Soak, fake: FakeLab) -> None:
    fake.found = ["mount /old\n"]
    soak.go_on(1)
    fake.found += ["mount /run/netns/cni-1\n"]
    assert soak.go_on(3) == 1, "the cycles go on, and the exit code says it"
    assert soak.series()[1]["left"] == ["mount /run/netns/cni-1"]
    assert "cycle 3 left behind: mount /run/netns/cni-1" in render(soak.series())


def test_what_comes_and_goes_by_itself_does_not_count() -> None:
    text = f"{FIGURES}mount /run/user/1000\npath /var/log/syslog.1\npath /var/log/juju\n"
    assert survey.parse(text).things == {"path /var/log/juju"}


def test_a_record_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert record.read(tmp_path / "none") == []
    record.append(tmp_path / "some", {"a": 1})
    assert record.read(tmp_path / "some") == [{"a": 1}]
    assert (tmp_path / "some").stat().st_mode & 0o777 == 0o600
