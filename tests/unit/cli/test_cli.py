"""The command line: options, output and exit codes, with the machine and the guest in the test's hands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.cli import look
from lab.config import Settings
from lab.editions import edition_names
from lab.errors import LabError, VMError
from tests.unit.cli.conftest import FakeMachine, Lab

ROOT = Path(__file__).parents[3]
READING = ("doctor", "plan", "status", "logs", "kubeconfig", "open", "version")
CHANGING = ("up", "provision", "reset", "halt", "down", "suspend", "resume", "heal", "bake")
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
