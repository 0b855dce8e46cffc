"""The journal survives what is done to its file."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.plan.journal import Journal, read_entries

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def journal(path: Path, notices: list[str] | None = None) -> Journal:
    return Journal(path, notice=(notices if notices is not None else []).append, now=lambda: NOON)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    first = journal(path)
    first.start("10-snapd", "abc")
    assert read_entries(path)["10-snapd"].state == "running"
    first.end("10-snapd", "done", seconds=1.26, attempts=2)
    entry = journal(path).entries["10-snapd"]
    assert (entry.state, entry.seconds, entry.attempts, entry.fingerprint) == ("done", 1.3, 2, "abc")
    assert entry.started == entry.ended == "2026-01-02T12:00:00+00:00"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal.json"]


def test_clear(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    first = journal(path)
    first.start("10-snapd", "abc")
    first.clear()
    assert read_entries(path) == {}


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": 1, "steps": {"10-sn',
        "[]",
        '{"schema": 99, "steps": {}}',
        '{"schema": 1, "steps": {"a": {"unknown": 1}}}',
        '{"schema": 1, "steps": []}',
        "\x00\x00",
    ],
)
def test_a_damaged_one_is_set_aside_with_a_notice(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text)
    assert read_entries(path) == {}
    notices: list[str] = []
    damaged = journal(path, notices)
    assert damaged.entries == {}
    assert "journal.json.damaged" in notices[0]
    assert (tmp_path / "journal.json.damaged").read_text() == text
    damaged.start("10-snapd", "abc")
    assert json.loads(path.read_text())["schema"] == 1


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_bytes(b"\xff\xfe\x00")
    notices: list[str] = []
    assert journal(path, notices).entries == {}
    assert notices


def test_a_full_disk_does_not_stop_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    path = tmp_path / "journal.json"
    kept = journal(path, notices)
    kept.start("10-snapd", "abc")
    before = path.read_text()

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lab.plan.journal.replace_file", full)
    kept.end("10-snapd", "done", seconds=1, attempts=1)
    kept.start("20-microk8s", "abc")
    assert notices == ["The journal can no longer be written (No space left on device); the work goes on."]
    assert path.read_text() == before
