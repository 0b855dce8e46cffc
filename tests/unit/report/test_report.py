"""What is shown and written while the lab works."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.errors import Interrupted
from lab.report.events import (
    AttemptStarted,
    Bus,
    Event,
    Notice,
    Output,
    Progress,
    Started,
    TaskEnded,
    TaskStarted,
    Waiting,
)
from lab.report.logs import LogWriter
from lab.report.tasks import Tasks, Timing
from lab.report.terminal import PlainRenderer, TerminalRenderer, make_renderer
from lab.report.text import duration, timing_table

EVENTS: tuple[Event, ...] = (
    Started("up: lab 'kubeflow'", "REHEARSAL", 12),
    TaskEnded("vm", "Start the virtual machine", 1, 12, "satisfied", 0.0, 0),
    TaskStarted("80-kubeflow", "Deploy Kubeflow", 2, 12),
    AttemptStarted("80-kubeflow", "apply", 1, 3),
    Output("80-kubeflow", "Deploying [bundle]"),
    Progress("80-kubeflow", 12, 38, "waiting for kfp-db"),
    Waiting("80-kubeflow", "another try"),
    Notice("The connection to the VM was lost"),
    TaskEnded("80-kubeflow", "Deploy Kubeflow", 2, 12, "failed", 75.2, 2, ("last line",)),
)


class TTY(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_plain_lines() -> None:
    stream = io.StringIO()
    with make_renderer(stream) as show:
        for event in EVENTS:
            show(event)
    assert stream.getvalue().splitlines() == [
        "REHEARSAL: up: lab 'kubeflow'",
        "[ 1/12] Start the virtual machine: already there",
        "[ 2/12] Deploy Kubeflow ...",
        "[ 2/12]   12/38 waiting for kfp-db",
        "[ 2/12]   another try",
        "The connection to the VM was lost",
        "[ 2/12] Deploy Kubeflow: FAILED in 1 min 15 s (2 attempts)",
        "    | last line",
    ]


def test_a_terminal_shows_the_same_lines_and_one_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = TTY()
    renderer = make_renderer(stream)
    assert isinstance(renderer, TerminalRenderer)
    with renderer as show:
        for event in EVENTS[:7]:
            show(event)
        renderer.refresh()
        for event in EVENTS[7:]:
            show(event)
    text = stream.getvalue()
    for line in ("REHEARSAL: up", "= [ 1/12] Start", "[ 2/12] Deploy Kubeflow", "another try", "| last line"):
        assert line in text
    assert "✗ [ 2/12] Deploy Kubeflow: FAILED in 1 min 15 s (2 attempts)" in text


def test_names_in_brackets_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = TTY()
    with make_renderer(stream) as show:
        show(Notice("[red]not a colour[/red]"))
    assert "[red]not a colour[/red]" in stream.getvalue()


def test_a_pipe_gets_each_line_at_once() -> None:
    class Pipe(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    pipe = Pipe()
    PlainRenderer(pipe)(Notice("now"))
    assert pipe.flushed == 1


def test_logs_have_all_that_a_script_wrote(tmp_path: Path) -> None:
    write = LogWriter(tmp_path / "logs", now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    for event in EVENTS:
        write(event)
    path = tmp_path / "logs" / "80-kubeflow.log"
    assert path.read_text().splitlines() == [
        "=== 2026-01-02T03:04:05+00:00 80-kubeflow apply, attempt 1 of 3",
        "Deploying [bundle]",
        "::progress 12/38 waiting for kfp-db",
        "::waiting another try",
        "=== 2026-01-02T03:04:05+00:00 failed, 75.2 s",
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    write(AttemptStarted("80-kubeflow", "apply", 2, 3))
    assert len(path.read_text().splitlines()) == 6, "older runs stay"


def test_a_task_that_only_the_host_does_has_no_log(tmp_path: Path) -> None:
    write = LogWriter(tmp_path)
    write(Waiting("vm", "the machine to boot"))
    write(TaskEnded("vm", "Start", 1, 1, "done", 1.0))
    assert not (tmp_path / "vm.log").exists()


def tasks(events: list[Event], clock: Callable[[], float] = lambda: 0.0) -> Tasks:
    return Tasks(Bus(events.append), title="up", banner="", total=2, again="python -m lab up", clock=clock)


def test_a_task_is_timed_and_numbered() -> None:
    ticks = iter([10.0, 12.5])
    events: list[Event] = []
    work = tasks(events, lambda: next(ticks))
    with work.task("vm", "Start") as task:
        task.waiting("boot")
        task.waiting("boot")
    work.satisfied("10-snapd", "Install snapd")
    assert events[1:] == [
        TaskStarted("vm", "Start", 1, 2),
        Waiting("vm", "boot"),
        TaskEnded("vm", "Start", 1, 2, "done", 2.5),
        TaskEnded("10-snapd", "Install snapd", 2, 2, "satisfied", 0.0, 0),
    ]


def test_a_task_that_fails_is_ended_too() -> None:
    events: list[Event] = []
    work = tasks(events)
    with pytest.raises(ValueError, match="x"), work.task("vm", "Start"):
        raise ValueError("x")
    assert work.timings[0].outcome == "failed"


def test_an_interruption_says_where_and_what_to_type() -> None:
    work = tasks([])
    with pytest.raises(Interrupted, match="task 1 of 2, 'Start'") as caught, work.task("vm", "Start"):
        raise KeyboardInterrupt
    assert "python -m lab up" in caught.value.hint


def test_the_table_of_times() -> None:
    table = timing_table(
        [
            Timing("vm", "Start the VM", "done", 30.0, 1, 29.0),
            Timing("10-snapd", "Install snapd", "satisfied", 0.0, 0),
            Timing("80-kubeflow", "Deploy Kubeflow", "done", 120.0, 2, 45.0),
        ]
    )
    assert table == [
        "  Start the VM           30.0 s  #####",
        "  Deploy Kubeflow    2 min 00 s  ####################  2 attempts, usually 45.0 s",
        "  Total              2 min 30 s  (1 already there)",
    ]
