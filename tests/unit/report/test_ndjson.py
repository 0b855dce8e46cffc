"""Events for programs, and readers that do not behave."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.report import ndjson
from lab.report.events import Bus, Event, Notice, Output, TaskStarted
from lab.report.ndjson import Envelope, EventWriter, open_events

ENVELOPE = Envelope("kubeflow", "rehearsal", "up", run="0123")


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def test_a_line_says_when_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("")
    path.chmod(0o644)
    with open_events(str(path), ENVELOPE) as (writer,):
        writer(TaskStarted("vm", "Start the VM «now»", 1, 2))
        # At once, not when the file is closed.
        data = json.loads(path.read_text(encoding="utf-8"))
    assert datetime.fromisoformat(data.pop("time")).tzinfo == UTC
    assert data == {
        "schema": 1,
        "run": "0123",
        "lab": "kubeflow",
        "edition": "rehearsal",
        "command": "up",
        "event": "task-started",
        "name": "vm",
        "title": "Start the VM «now»",
        "index": 1,
        "total": 2,
        "fingerprint": "",
        "usual_seconds": None,
        "left_seconds": None,
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_times_are_utc_to_the_millisecond() -> None:
    moment = datetime.fromisoformat("2026-01-02T03:04:05.678901+02:00")
    assert ENVELOPE.wrap(Notice("x"), moment)["time"] == "2026-01-02T01:04:05.678Z"


def test_runs_append(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with open_events(str(tmp_path / "events"), ENVELOPE) as (writer,):
            writer(Notice(text))
    lines = (tmp_path / "events").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["one", "two"]


def test_no_events_are_asked_for() -> None:
    for file in (None, ""):
        with open_events(file, ENVELOPE) as writers:
            assert writers == ()


@pytest.mark.parametrize(
    ("name", "why"), [("missing/events", "No such file or directory"), ("directory", "Is a directory")]
)
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError, match=why) as caught, open_events(str(tmp_path / name), ENVELOPE):
        pytest.fail("it was opened")
    assert caught.value.code == "LAB-EVT-001"


def test_a_pipe_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "READER_SECONDS", 0.0)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="No such device"), open_events(str(tmp_path / "pipe"), ENVELOPE):
        pytest.fail("it was opened")


def test_a_pipe_s_reader_may_come_later(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with open_events(str(pipe), ENVELOPE) as (writer,):
        writer(Output("vm", "x" * 200_000))
    reader.join(timeout=10)
    assert len(json.loads(got[0])["line"]) == 200_000


def test_a_reader_that_has_gone_is_one_notice() -> None:
    read, write = os.pipe()
    shown: list[Event] = []
    bus = Bus(shown.append, writers=[EventWriter(write, ENVELOPE)])
    bus(Notice("one"))
    os.close(read)
    for text in ("two", "three"):
        bus(Notice(text))
    os.close(write)
    assert notices(shown) == [
        "one",
        "two",
        "The events can no longer be written (Broken pipe); the work goes on.",
        "three",
    ]


def test_a_reader_that_stands_still_does_not_hold_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "READER_SECONDS", 0.01)
    read, write = os.pipe()
    shown: list[Event] = []
    bus = Bus(shown.append, writers=[EventWriter(write, ENVELOPE)])
    bus(Output("vm", "x" * 1_000_000))
    bus(Notice("next"))
    os.close(write)
    os.close(read)
    assert notices(shown) == [
        "The events can no longer be written (their reader stands still); the work goes on.",
        "next",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_one_notice() -> None:
    shown: list[Event] = []
    with open_events("/dev/full", ENVELOPE) as writers:
        bus = Bus(shown.append, writers=writers)
        for text in ("one", "two"):
            bus(Notice(text))
    assert notices(shown) == [
        "one",
        "The events can no longer be written (No space left on device); the work goes on.",
        "two",
    ]
