"""Times of earlier runs, and what is told from them."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lab.report import history
from lab.report.events import Bus, Event, Expected, TaskEnded, TaskStarted, Waiting
from lab.report.history import Circumstances, History, Record, read_records, usual_seconds
from lab.report.tasks import Tasks
from lab.report.terminal import PlainRenderer, TerminalRenderer
from lab.report.text import about, left

HERE = Circumstances("rehearsal", "qemu", 2)


def record(seconds: float, *, task: str = "vm", fingerprint: str = "a", outcome: str = "done") -> Record:
    return Record(HERE, task, fingerprint, outcome, seconds, "2026-01-02T03:04:05+00:00")


def ended(name: str, seconds: float, outcome: str = "done", fingerprint: str = "a") -> TaskEnded:
    return TaskEnded(name, name, 1, 1, outcome, seconds, fingerprint=fingerprint)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "history" / "tasks.ndjson"


def test_the_median_is_usual() -> None:
    assert usual_seconds([record(10), record(100), record(12)], "vm", "a") == 12


def test_only_recent_times_count() -> None:
    assert usual_seconds([record(100)] * 20 + [record(5)] * history.RECENT, "vm", "a") == 5


def test_times_of_a_task_that_is_still_the_same_come_first() -> None:
    records = [record(10, fingerprint="old"), record(50), record(10, fingerprint="old")]
    assert usual_seconds(records, "vm", "a") == 50
    assert usual_seconds(records, "vm", "new") == 10


def test_a_task_that_was_always_satisfied_takes_no_time() -> None:
    records = [record(3, outcome="satisfied")]
    assert usual_seconds(records, "vm", "a") == 0
    assert usual_seconds(records, "other", "a") is None
    assert usual_seconds([*records, record(40)], "vm", "a") == 40


def test_times_are_kept_for_the_next_run(path: Path) -> None:
    first = History(path, HERE)
    assert first.usual("vm", "a") is None
    partial = replace(ended("vm", 2), partial=True)
    for event in (partial, ended("vm", 31.26), ended("vm", 0.0, "satisfied"), ended("x", 9, "failed")):
        first(event)
    assert [kept.seconds for kept in read_records(path)] == [31.3]
    assert path.stat().st_mode & 0o777 == 0o600
    assert History(path, HERE).usual("vm", "a") == 31.3
    for other in (
        replace(HERE, edition="kubeflow-1.8"),
        replace(HERE, acceleration="kvm"),
        replace(HERE, cpus=4),
    ):
        assert History(path, other).usual("vm", "a") is None


def test_damaged_lines_are_left_out(path: Path) -> None:
    History(path, HERE)(ended("vm", 30))
    whole = path.read_text()
    bad = [
        "{",
        "[]",
        "7",
        json.dumps({"schema": 2}),
        json.dumps({**json.loads(whole), "seconds": "many"}),
        json.dumps({**json.loads(whole), "new": 1}),
    ]
    path.write_bytes(b"\xff\xfe\n" + "\n".join(bad).encode() + b"\n" + whole.encode() + whole[:40].encode())
    assert [kept.seconds for kept in read_records(path)] == [30]


def test_half_a_line_does_not_spoil_the_next(path: Path) -> None:
    History(path, HERE)(ended("vm", 30))
    path.write_text(path.read_text()[:40])
    History(path, HERE)(ended("vm", 40))
    assert [kept.seconds for kept in read_records(path)] == [40]


def test_the_file_stays_small(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LARGEST", 4000)
    keep = History(path, HERE)
    for seconds in range(100):
        keep(ended("vm", seconds))
    assert path.stat().st_size <= 4000
    assert read_records(path)[-1].seconds == 99


def test_times_that_cannot_be_kept_are_one_notice(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file where a directory has to be")
    shown: list[Event] = []
    bus = Bus(shown.append, writers=[History(tmp_path / "history" / "tasks.ndjson", HERE)])
    bus(ended("vm", 1))
    bus(ended("vm", 1))
    assert len(shown) == 3


def work(usual: dict[str, float]) -> tuple[Tasks, list[Event]]:
    events: list[Event] = []
    tasks = Tasks(
        events.append,
        title="up",
        banner="",
        total=3,
        again="up",
        usual=lambda name, _fingerprint: usual.get(name),
        clock=lambda: 0.0,
    )
    return tasks, events


def test_what_is_expected_is_told_once() -> None:
    tasks, events = work({"vm": 30, "10-snapd": 60, "20-microk8s": 100})
    tasks.expect([("vm", ""), ("10-snapd", "a"), ("20-microk8s", "b")])
    with tasks.task("vm", "Start"):
        pass
    tasks.expect([("20-microk8s", "b")])
    with tasks.task("20-microk8s", "Install", "b"):
        pass
    assert [event for event in events if isinstance(event, Expected)] == [Expected(190)]
    starts = [event for event in events if isinstance(event, TaskStarted)]
    assert [(event.usual_seconds, event.left_seconds) for event in starts] == [(30, 190), (100, 100)]


def test_a_part_is_not_told_for_the_whole() -> None:
    tasks, events = work({"vm": 30})
    tasks.expect([("vm", ""), ("10-snapd", "a")])
    with tasks.task("vm", "Start"):
        pass
    assert not [event for event in events if isinstance(event, Expected)]
    start = next(event for event in events if isinstance(event, TaskStarted))
    assert (start.usual_seconds, start.left_seconds) == (30, None)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "about 10 s"),
        (44, "about 40 s"),
        (55, "about 1 min"),
        (250, "about 4 min"),
        (3560, "about 59 min"),
        (3600, "about 1 h 00 min"),
        (4300, "about 1 h 10 min"),
    ],
)
def test_estimates_are_rough(seconds: float, said: str) -> None:
    assert about(seconds) == said


@pytest.mark.parametrize(
    ("elapsed", "said"),
    [
        (0, "about 4 min left"),
        (60, "about 3 min left"),
        (120, "about 2 min left"),
        (165, "about 2 min left"),
        (171, "longer than usual"),
    ],
)
def test_what_is_left_never_grows(elapsed: float, said: str) -> None:
    event = TaskStarted("vm", "Start", 1, 2, usual_seconds=120.0, left_seconds=240.0)
    assert left(event, elapsed) == said


def test_without_records_nothing_is_told() -> None:
    assert left(TaskStarted("vm", "Start", 1, 2), 5000) == ""
    assert left(TaskStarted("vm", "Start", 1, 2, usual_seconds=5.0, left_seconds=6.0), 0) == ""


def test_of_a_single_task_its_usual_time_is_told() -> None:
    event = TaskStarted("restore", "Restore", 1, 2, usual_seconds=41.0)
    assert left(event, 0) == left(event, 40) == "usually about 40 s"
    assert left(event, 90) == "longer than usual"
    assert left(TaskStarted("clock", "Set the clock", 1, 2, usual_seconds=2.0), 0) == ""


class TTY(io.StringIO):
    def isatty(self) -> bool:
        return True


EVENTS: tuple[Event, ...] = (
    Expected(240.0),
    TaskStarted("vm", "Start", 1, 2, usual_seconds=120.0, left_seconds=240.0),
)


def test_plain_lines_tell_what_is_left_when_it_is_news() -> None:
    now = 0.0
    stream = io.StringIO()
    show = PlainRenderer(stream, clock=lambda: now)
    for event in EVENTS:
        show(event)
    for elapsed, text in ((5.0, "boot"), (70.0, "ssh"), (500.0, "ssh again")):
        now = elapsed
        show(Waiting("vm", text))
    assert stream.getvalue().splitlines() == [
        "This usually takes about 4 min here.",
        "[1/2] Start ... (about 4 min left)",
        "[1/2]   boot",
        "[1/2]   ssh (about 3 min left)",
        "[1/2]   ssh again (longer than usual)",
    ]


def test_the_line_that_moves_tells_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = TTY()
    now = 0.0
    with TerminalRenderer(stream, clock=lambda: now) as show:
        for event in EVENTS:
            show(event)
        now = 62.0
        show.refresh()
        now = 200.0
        show.refresh()
    assert "1 min 02 s, about 3 min left" in stream.getvalue()
    assert "3 min 20 s, longer than usual" in stream.getvalue()


def test_the_line_that_moves_stays_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = TTY()
    with TerminalRenderer(stream, clock=lambda: 0.0) as show:
        show(EVENTS[1])
        show(Waiting("vm", "a domain to get its address at last"))
        show.refresh()
    assert "about 4 min left …\r" in stream.getvalue()


def test_records_read_as_they_are_written(path: Path) -> None:
    History(path, HERE)(ended("vm", 1.0))
    data = json.loads(path.read_text())
    assert set(data) == {"schema", *asdict(record(1))}
