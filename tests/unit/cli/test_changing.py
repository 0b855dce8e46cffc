"""Commands that change a lab: events, interruptions, refusals, with the work itself in the test's hands."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lab.cli import talk
from lab.errors import JujuError
from tests.unit.cli.conftest import Lab

ROOT = Path(__file__).parents[3]


def test_up_ends_with_times_and_what_to_type_next(lab: Lab, work: Callable[..., list[str]]) -> None:
    work()
    assert lab("up", "--edition", "rehearsal", "--name", "second") == 0
    assert lab.out.startswith("REHEARSAL: up: lab 'second', Rehearsal")
    assert "[1/1] Start the virtual machine: done in" in lab.out
    assert "  Total" in lab.out
    assert "REHEARSAL: the lab 'second' is up" in lab.out
    assert "python -m lab --name second status" in lab.out
    assert "python -m lab --name second test" in lab.out
    assert "\x1b" not in lab.out


def test_what_to_type_next_begins_with_the_environment_if_it_is_not_active(
    lab: Lab, work: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    work()
    monkeypatch.setattr(talk, "activation", lambda: "source .venv/bin/activate")
    assert lab("up") == 0
    assert "is up. Next:\n  source .venv/bin/activate " in lab.out


def test_up_that_fails_exits_with_the_layer_s_code(lab: Lab, work: Callable[..., list[str]]) -> None:
    log = lab.state / "logs" / "50-juju.log"
    work(JujuError("No juju.", code="LAB-STEP-001", hint="Do this.", log=log))
    assert lab("up") == 50
    assert lab.err.startswith(
        "LAB-STEP-001: No juju.\nWhat to do: Do this.\nLog: .lab/kubeflow/logs/50-juju.log\nMore: "
    )
    assert "Next:" not in lab.out


def test_events_are_one_json_object_a_line(lab: Lab, work: Callable[..., list[str]]) -> None:
    work()
    assert lab("up", "--edition", "rehearsal", "--events", "events") == 0
    events = [json.loads(line) for line in (lab.root / "events").read_text().splitlines()]
    assert [event["event"] for event in events] == [
        "started",
        "notice",
        "task-started",
        "task-ended",
        "result",
        "ended",
    ]
    for event in events:
        assert (event["schema"], event["lab"], event["edition"], event["command"]) == (
            1,
            "kubeflow",
            "rehearsal",
            "up",
        )
        assert event["run"] == events[0]["run"]
        assert event["time"].endswith("Z")
    assert (lab.root / "events").stat().st_mode & 0o777 == 0o600


def test_the_second_run_tells_how_long_it_usually_takes(lab: Lab, work: Callable[..., list[str]]) -> None:
    work()
    for _ in range(2):
        assert lab("up", "--edition", "rehearsal", "--events", "events") == 0
    events = [json.loads(line) for line in (lab.root / "events").read_text().splitlines()]
    first, second = (event["usual_seconds"] for event in events if event["event"] == "task-started")
    assert first is None
    assert isinstance(second, float)


def test_events_of_a_failure_say_what_the_terminal_says(
    lab: Lab, work: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_EVENTS", "events")
    work(JujuError("No juju.", code="LAB-STEP-001", hint="Do this.", log=lab.state / "x.log"))
    assert lab("up") == 50
    last = json.loads((lab.root / "events").read_text().splitlines()[-1])
    assert last["event"] == "ended"
    assert (last["outcome"], last["exit_code"], last["code"]) == ("failed", 50, "LAB-STEP-001")
    assert (last["message"], last["hint"], last["log"]) == (
        "No juju.",
        "Do this.",
        str(lab.state / "x.log"),
    )


def test_events_tell_of_a_full_disk_as_the_terminal_does(lab: Lab, work: Callable[..., list[str]]) -> None:
    work(OSError(errno.ENOSPC, "No space left on device", "journal.json"))
    assert lab("up", "--name", "second", "--events", "events") == 10
    last = json.loads((lab.root / "events").read_text().splitlines()[-1])
    assert (last["event"], last["code"], last["exit_code"]) == ("ended", "LAB-HOST-040", 10)
    assert f"What to do: {last['hint']}\n" in lab.err


def test_events_that_cannot_be_written_stop_before_anything_starts(
    lab: Lab, work: Callable[..., list[str]]
) -> None:
    called = work()
    assert lab("up", "--events", "missing/events") == 2
    assert lab.err.startswith("LAB-EVT-001: The events cannot be written to 'missing/events': No such file")
    assert called == []
    assert not lab.state.exists()


def test_events_on_standard_output_have_it_for_themselves(lab: Lab) -> None:
    code = "import sys\nfrom lab.cli import main\nmain(['halt', '--events', '-'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=lab.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["result", "ended"]
    assert done.stderr == "The lab 'kubeflow' has no VM, so there is nothing to do.\n"


def test_an_interruption_is_130_and_says_where(lab: Lab, work: Callable[..., list[str]]) -> None:
    work(KeyboardInterrupt())
    assert lab("up") == 130
    assert "Interrupted in task 1 of 1, 'Start the virtual machine'." in lab.err
    assert "python -m lab up" in lab.err


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["provision"], "provision"),
        (["reset"], "reset False"),
        (["reset", "--yes"], "reset False"),
        (["reset", "--again"], "reset True"),
    ],
)
def test_who_asks_no_person_does_not_ask(
    lab: Lab, work: Callable[..., list[str]], arguments: Sequence[str], called: str
) -> None:
    assert work() == []
    assert lab(*arguments) == 0
    assert work() == [called]


@pytest.mark.parametrize("command", ["reset", "down"])
def test_a_person_is_asked(
    lab: Lab, work: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    called = work()
    monkeypatch.setattr(talk, "_person", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    assert lab(command) == 130
    assert called == []
    assert lab.machine is None or lab.machine.calls == []


def test_a_termination_is_as_clean_as_ctrl_c(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom lab.cli import main, cli\n"
        "cli.commands['version'].callback = lambda **_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "main(['version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr.strip() == "Interrupted."


@pytest.mark.parametrize("command", ["up", "provision", "reset --again"])
def test_a_dry_run_prints_shell_and_makes_nothing(lab: Lab, command: str) -> None:
    lab.machine_state = "not_created"
    assert lab(*command.split(), "--dry-run") == 0
    assert lab.out.startswith(f"#!/usr/bin/env bash\n# what '{command}' would do with the lab 'kubeflow'")
    assert "\n# documented: sudo apt install snapd\n" in lab.out
    assert not (lab.root / ".lab").exists()
    assert lab.machine is not None
    assert lab.machine.calls == []


def test_a_step_that_is_not_there(lab: Lab, work: Callable[..., list[str]]) -> None:
    assert lab("provision", "--only", "snap") == 2
    assert lab.err == (
        "LAB-PLAN-004: There is no step 'snap'.\nWhat to do: Did you mean 'snapd'? Steps: 10-snapd.\n"
    )
    assert work() == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/lab.json"),
            10,
            "LAB-HOST-040: The disk is full: '/x",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/x/.lab"),
            10,
            "LAB-HOST-041: '/x",
        ),
        (OSError(errno.EIO, "Input/output error"), 1, "LAB-BUG-001"),
        (ModuleNotFoundError("No module named 'x'", name="x.y"), 10, "LAB-HOST-050: "),
        (ModuleNotFoundError("No module named 'lab.x'", name="lab.x"), 1, "LAB-BUG-001"),
    ],
)
def test_what_is_wrong_with_the_computer_is_said(
    lab: Lab, work: Callable[..., list[str]], error: Exception, code: int, said: str
) -> None:
    work(error)
    assert lab("up") == code
    assert lab.err.startswith(said)
    assert "Traceback" not in lab.err


def test_a_checkout_that_may_not_be_written_says_where_and_what_to_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also where the tests run as root, who may write everywhere.
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert lab("up") == 10
    assert lab.err.startswith(f"LAB-HOST-041: '{lab.state.parent}' may not be read or written")
    assert "on a writable disk" in lab.err


INTERRUPTIONS = """
import os, signal
from lab.cli import cli, main

def act(**_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        for number in {signals}:
            os.kill(os.getpid(), number)
        print("cleaned up", flush=True)

cli.commands["version"].callback = act
main(["version"])
"""


@pytest.mark.parametrize(
    ("signals", "cleaned"), [("()", True), ("(2,)", True), ("(15,)", True), ("(2, 2)", False)]
)
def test_a_second_interruption_lets_the_first_clean_up(signals: str, cleaned: bool) -> None:
    code = INTERRUPTIONS.format(signals=signals)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert ("cleaned up" in done.stdout) == cleaned
    assert ("once more leaves it" in done.stderr) == (signals != "()")
