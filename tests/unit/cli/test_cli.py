"""The command line: options, output and exit codes, with the machine and the guest in the test's hands."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.cli import look, talk
from lab.config import Settings
from lab.editions import edition_names
from lab.errors import JujuError, LabError, VMError
from lab.plan.bringup import Bringup
from lab.report.events import Notice
from lab.report.tasks import Tasks
from tests.unit.cli.conftest import FakeMachine, Lab

ROOT = Path(__file__).parents[3]
READING = ("doctor", "plan", "status", "logs", "kubeconfig", "open", "version")
CHANGING = ("up", "provision", "reset", "halt", "down", "suspend", "resume", "heal")
COMMANDS = (*READING, *CHANGING, "ssh", "exec", "collect", "test")


class Door:
    """A transport that is only closed."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(lab: Lab, command: str) -> None:
    assert lab(command, "--help") == 0
    assert "Example" in lab.out
    assert f"python -m lab {command}" in lab.out or f" {command}" in lab.out
    assert ("--json" in lab.out) == (command in READING)
    assert ("--events" in lab.out) == (command in (*CHANGING, "collect"))


def test_help_lists_every_command(lab: Lab) -> None:
    assert lab("--help") == 0
    assert all(f"\n  {command} " in lab.out for command in COMMANDS)
    assert "..." not in lab.out.partition("Commands:")[2].replace("[ARGS]...", "")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom lab.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'paramiko', 'kubernetes', 'rich', 'yaml', 'filelock', 'vagrant'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["up", "--nonsense"], ["up", "--cpus", "many"], ["exec"]]
)
def test_bad_usage(lab: Lab, arguments: Sequence[str]) -> None:
    assert lab(*arguments) == 2
    assert "Usage: python -m lab" in lab.err


@pytest.mark.parametrize(
    "arguments", [["--edition", "rehearsal", "plan"], ["plan", "--edition", "rehearsal"]]
)
def test_options_may_stand_before_the_command_and_after(lab: Lab, arguments: Sequence[str]) -> None:
    assert lab(*arguments, "--json") == 0
    assert json.loads(lab.out)["banner"] == "REHEARSAL"


def test_an_error_is_a_code_a_sentence_and_advice(lab: Lab) -> None:
    assert lab("--edition", "rehearsl", "plan") == 2
    assert lab.err == (
        "LAB-CFG-001: There is no edition named 'rehearsl'.\n"
        "What to do: Did you mean rehearsal? Editions: kubeflow-1.10, kubeflow-1.11, kubeflow-1.8, "
        "kubeflow-1.9, rehearsal.\n"
    )


def test_debug_adds_the_traceback(lab: Lab) -> None:
    assert lab("--debug", "--edition", "rehearsl", "plan") == 2
    assert "Traceback" in lab.err


def test_advice_of_several_lines_is_indented(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    error = VMError("It failed.", code="LAB-VM-101", hint="Do this.\nCause: that.", log=Path.cwd() / "x.log")

    def fail(_settings: Settings) -> FakeMachine:
        raise error

    monkeypatch.setattr("lab.vm.machine.Machine", fail)
    assert lab("halt") == 20
    assert lab.err.splitlines() == [
        "LAB-VM-101: It failed.",
        "What to do: Do this.",
        "  Cause: that.",
        "Log: x.log",
        "More: python -m lab logs --problems; docs/errors.md tells about LAB-VM-101",
    ]


def test_commands_to_type_are_for_the_lab_that_was_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hint = "Go on: python -m lab up, or: python -m lab --name other down"

    def fail(_settings: Settings) -> FakeMachine:
        raise VMError("It failed.", code="LAB-VM-101", hint=hint)

    monkeypatch.setattr("lab.vm.machine.Machine", fail)
    assert lab("--name", "two", "halt") == 20
    assert "Go on: python -m lab --name two up, or: python -m lab --name other down" in lab.err


def test_an_error_without_advice_gets_what_the_registry_advises(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_settings: Settings) -> FakeMachine:
        raise VMError("It is closed.", code="LAB-VM-204")

    monkeypatch.setattr("lab.vm.machine.Machine", fail)
    assert lab("halt") == 20
    assert "What to do: Run the command again; see whether the VM runs: python -m lab status" in lab.err


def test_a_mistake_of_ours_is_no_traceback_either(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: Settings) -> FakeMachine:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("lab.vm.machine.Machine", fail)
    assert lab("halt") == 1
    assert lab.err.startswith("LAB-BUG-001: ZeroDivisionError: oh")
    assert "Traceback" not in lab.err


def test_outside_a_checkout(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab.root / "Vagrantfile").unlink()
    assert lab("plan") == 2
    assert "no Vagrantfile" in lab.err


def test_plan_has_the_documented_line_and_what_replaces_it(lab: Lab) -> None:
    assert lab("plan", "--edition", "rehearsal") == 0
    assert lab.out.startswith("REHEARSAL: lab 'kubeflow'")
    for line in (
        "10-snapd  Install snapd",
        "sudo apt install snapd",
        "provision/10-snapd.sh",
        "Snaps need it.",
    ):
        assert line in lab.out


def test_plan_as_a_document_and_as_shell(lab: Lab) -> None:
    assert lab("plan", "--format", "markdown") == 0
    assert "## 10-snapd: Install snapd\n" in lab.out
    assert lab("plan", "--format", "shell") == 0
    assert lab.out.endswith("# Install snapd\n# documented: sudo apt install snapd\nbash 10-snapd.sh run\n")


def test_plan_knows_the_last_run(lab: Lab) -> None:
    lab.state.mkdir(parents=True)
    entry = {"state": "done", "started": "2026-01-02", "ended": "2026-01-03", "seconds": 75.0, "attempts": 1}
    (lab.state / "journal.json").write_text(json.dumps({"schema": 1, "steps": {"10-snapd": entry}}))
    assert lab("plan") == 0
    assert "(done in 1 min 15 s, 2026-01-03)" in lab.out
    assert lab("plan", "--json") == 0
    assert json.loads(lab.out)["steps"][0]["last_run"]["seconds"] == 75.0


def test_plan_knows_how_long_a_step_usually_takes(lab: Lab) -> None:
    from lab.report.events import TaskEnded
    from lab.report.history import Circumstances, History, history_file

    assert lab("plan", "--edition", "rehearsal", "--json") == 0
    assert json.loads(lab.out)["steps"][0]["usual_seconds"] is None
    keep = History(history_file(), Circumstances("rehearsal", "qemu", 2))
    keep(TaskEnded("10-snapd", "Install snapd", 1, 1, "done", 75.0))
    assert lab("plan", "--edition", "rehearsal", "--json") == 0
    assert json.loads(lab.out)["steps"][0]["usual_seconds"] == 75.0
    assert lab("plan", "--edition", "rehearsal") == 0
    assert "10-snapd  Install snapd  (usually 1 min 15 s)\n" in lab.out


def test_status_of_no_lab(lab: Lab) -> None:
    lab.machine_state = "not_created"
    assert lab("status", "--json") == 20
    assert json.loads(lab.out)["ready"] is False
    assert lab("status") == 20
    assert "not created" in lab.out


@pytest.mark.parametrize(("revision", "code"), [("x1", 0), ("x2", 3)])
@pytest.mark.parametrize("file", [(), ("teacher.lock",)])
def test_drift_is_an_exit_code_of_its_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, revision: str, code: int, file: tuple[str, ...]
) -> None:
    versions = {"snaps": {"juju": {"revision": "x1"}}}
    lock = {"schema": 1, "snaps": {"juju": {"revision": revision}}}
    path = lab.root / file[0] if file else lab.state / "lab.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(lock))
    monkeypatch.setattr(look, "connect", lambda _settings, **_options: Door())
    monkeypatch.setattr("lab.probes.versions.read_versions", lambda _transport, _settings: versions)
    assert lab("status", "--drift", *file) == code
    assert ("snaps.juju.revision" in lab.out) == bool(code)
    assert lab("status", "--drift", *file, "--json") == code
    assert json.loads(lab.out)["drift"] == bool(code)


def test_drift_from_no_lock(lab: Lab) -> None:
    assert lab("status", "--drift") == 2
    assert lab.err.startswith("LAB-LOCK-001: ")


def test_status_of_a_machine_that_does_not_answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: Settings, **_options: Any) -> None:
        raise LabError("No login.", code="LAB-VM-206")

    monkeypatch.setattr(look, "connect", fail)
    assert lab("status") == 20
    assert "LAB-VM-206: No login." in lab.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["exec", "ls", "-l", "a b"], "ls -l 'a b'"),
        (["exec", "--", "juju", "status", "--json"], "juju status --json"),
        (["exec", "juju status | head"], "juju status | head"),
    ],
)
def test_exec_lets_ssh_take_over(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], line: str
) -> None:
    ran: list[list[str]] = []

    def take_over(program: str, argv: list[str]) -> None:
        ran.append(argv)
        sys.exit(7)

    monkeypatch.setattr(os, "execvp", take_over)
    assert lab(*arguments) == 7
    *ssh, command = ran[0]
    assert ssh == ["ssh", "-F", str(lab.state / "ssh_config"), "-T", "kubeflow"]
    assert lab.checked == [None], "the host key, before ssh that would not say what is wrong with it"
    echoed = subprocess.run(
        ["sh", "-c", f"set -- {command}; printf '%s' \"$3\""], capture_output=True, text=True, check=True
    )
    assert echoed.stdout == line


def test_without_ssh(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(program: str, argv: list[str]) -> None:
        raise FileNotFoundError(program)

    monkeypatch.setattr(os, "execvp", missing)
    assert lab("ssh") == 10
    assert "openssh-client" in lab.err


def test_logs(lab: Lab) -> None:
    assert lab("logs") == 0
    assert lab.out == "There are no logs yet.\n"
    (lab.state / "logs").mkdir(parents=True)
    (lab.state / "logs" / "20-microk8s.log").write_text("one\ntwo\nthree\n")
    (lab.state / "logs" / "80-kubeflow.log").write_text("four\n")
    assert lab("logs") == 0
    assert len(lab.out.splitlines()) == 2
    assert lab("logs", "microk8s", "-n", "2") == 0
    assert lab.out == "two\nthree\n"
    assert lab("logs", "80", "--json") == 0
    assert json.loads(lab.out)["lines"] == ["four"]
    assert lab("logs", "0-") == 2
    assert "20-microk8s, 80-kubeflow" in lab.err
    assert lab("logs", "90") == 2


def test_version(lab: Lab) -> None:
    assert lab("version", "--json") == 0
    assert json.loads(lab.out)["editions"] == list(edition_names())
    assert lab("version") == 0
    assert "rehearsal" in lab.out


def test_halt(lab: Lab) -> None:
    assert lab("halt") == 0
    assert lab.machine
    assert lab.machine.calls == ["halt"]


def test_down_keeps_the_logs(lab: Lab) -> None:
    (lab.state / "logs").mkdir(parents=True)
    for name in ("kubeconfig", "credentials", "logs/x.log"):
        (lab.state / name).touch()
    (lab.state / "lab.json").write_text('{"schema": 1, "edition": "kubeflow-1.8"}')
    assert lab("down") == 0
    assert lab.machine
    assert lab.machine.calls == ["destroy"]
    assert {path.name for path in lab.state.iterdir()} - {"lock"} == {"logs"}
    assert (lab.state / "logs" / "x.log").exists()
    lab.machine_state = "not_created"
    assert lab("down", "--purge") == 0
    assert not lab.state.exists()


def test_a_busy_lab_is_left_alone(lab: Lab) -> None:
    from lab.plan.lock import lab_lock

    lab.state.mkdir(parents=True)
    with lab_lock(lab.state, "up"):
        assert lab("down") == 10
        assert "Another command is at work" in lab.err
    assert lab.machine is None or lab.machine.calls == []


@pytest.mark.parametrize("command", ["reset", "halt", "down"])
def test_there_may_be_nothing_to_do(lab: Lab, command: str) -> None:
    lab.machine_state = "not_created"
    assert lab(command) == 0
    assert lab.out == "The lab 'kubeflow' has no VM, so there is nothing to do.\n"
    assert not lab.state.exists()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], list[str]]:
    """Replace the commands' work by one task."""
    called: list[str] = []

    def replace(error: BaseException | None = None) -> list[str]:
        def act(self: Bringup, command: str) -> Tasks:
            called.append(command)
            tasks = self._make_tasks(command, 1)
            tasks.emit(Notice("a word"))
            with tasks.task("vm", "Start the virtual machine"):
                if error:
                    raise error
            return tasks

        monkeypatch.setattr(Bringup, "up", lambda self: act(self, "up"))
        monkeypatch.setattr(Bringup, "provision", lambda self: act(self, "provision"))
        monkeypatch.setattr(Bringup, "reset", lambda self, again: act(self, f"reset {again}"))
        return called

    return replace


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


def test_problems_without_a_vm(lab: Lab) -> None:
    lab.machine_state = "not_created"
    logs = lab.state / "logs"
    logs.mkdir(parents=True)
    (logs / "50-juju.log").write_text(
        "=== 2026-11-24T12:00:00+00:00 50-juju apply\n"
        "error: unable to contact snap store\n"
        "=== 2026-11-24T12:00:09+00:00 failed, 9.0 s\n"
    )
    assert lab("--name", "kubeflow", "logs", "--problems") == 0
    assert "  error    error: unable to contact snap store [KI-STORE]" in lab.out
    assert "then python -m lab --name kubeflow up goes on" in lab.out
    assert "The VM was not looked into: it is not created." in lab.out
    assert lab("logs", "--problems", "--json") == 0
    found = json.loads(lab.out)
    assert found["vm"] == {"looked_at": False, "reason": "it is not created"}
    assert [group["source"] for group in found["groups"]] == ["50-juju"]
    assert [issue["id"] for issue in found["known_issues"]] == ["KI-STORE"]


def test_problems_of_a_vm_that_does_not_answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_settings: Settings, *, timeout: float) -> None:
        raise VMError("no login within 15 s", code="LAB-VM-206")

    monkeypatch.setattr("lab.cli.logs.connect", refuse)
    assert lab("logs", "--problems") == 0
    assert lab.out.splitlines()[-2:] == [
        "The VM was not looked into: no login within 15 s.",
        "No problems were found.",
    ]


def test_problems_are_about_all_logs(lab: Lab) -> None:
    assert lab("logs", "--problems", "50-juju") == 2
    assert "neither STEP nor --lines" in lab.err


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
    ],
)
def test_what_is_wrong_with_the_disk_is_said(
    lab: Lab, work: Callable[..., list[str]], error: OSError, code: int, said: str
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
