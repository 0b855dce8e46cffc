"""The host runner against real, tiny programs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from lab import process, streams
from lab.errors import HostError, VMError
from lab.process import ProcessError, ProcessTimeout, Result, redact, run
from lab.streams import split_lines
from tests.processes import wait_ended


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_result_has_everything() -> None:
    result = run(sh("echo out; echo err >&2; exit 3"), timeout=10)
    assert (result.stdout, result.stderr, result.returncode) == ("out\n", "err\n", 3)
    assert result.argv == ("sh", "-c", "echo out; echo err >&2; exit 3")
    assert not result.ok
    assert 0 < result.seconds < 10


def test_lines_come_from_both_streams_in_the_callers_thread() -> None:
    seen: list[tuple[str, threading.Thread]] = []
    run(
        sh("echo one; printf '1%%\\r2%%\\n' >&2; printf last"),
        timeout=10,
        on_line=lambda line: seen.append((line, threading.current_thread())),
    )
    assert {line for line, _ in seen} == {"one", "2%", "last"}
    assert {thread for _, thread in seen} == {threading.current_thread()}


def test_lines_come_as_they_are_printed(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def let_go(line: str) -> None:
        if line == "ready":
            gate.write_text("go\n")

    assert run(sh(f"echo ready; cat {gate}"), timeout=10, on_line=let_go).stdout == "ready\ngo\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_megabytes_on_one_stream_do_not_stall(stream: str) -> None:
    script = f"import sys; sys.{stream}.write('x' * 4_000_000)"
    result = run([sys.executable, "-c", script], timeout=30)
    assert len(getattr(result, stream)) == 4_000_000


def test_standard_input_is_empty_unless_given() -> None:
    assert run(["cat"], timeout=10).stdout == ""
    text = "grüße\n" * 100_000
    assert run(["cat"], timeout=30, input=text).stdout == text


def test_unread_input_is_no_error() -> None:
    assert run(["true"], timeout=10, input="x" * 1_000_000).ok


def test_environment_is_added() -> None:
    result = run(sh('echo "$LAB_X ${PATH:+path}"'), timeout=10, env={"LAB_X": "1"})
    assert result.stdout == "1 path\n"


def test_deadline_kills_the_whole_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    pids: list[int] = []
    with pytest.raises(ProcessTimeout, match="did not end within 1 s") as caught:
        run(
            sh("trap '' TERM; sleep 60 & echo $!; echo $$; while :; do wait; done"),
            timeout=1,
            on_line=lambda line: pids.append(int(line)),
        )
    assert caught.value.code == "LAB-HOST-102"
    assert len(pids) == 2
    assert all(wait_ended(pid) for pid in pids)


def test_last_words_are_told_without_secrets() -> None:
    with pytest.raises(ProcessError) as caught:
        run(
            sh("echo '-----BEGIN PRIVATE KEY-----'; seq 30; echo 'password: planted'; exit 1"), timeout=10
        ).check()
    assert "exit code 1" in caught.value.message
    assert "30" not in caught.value.message.partition("\n")[2]
    assert "planted" not in caught.value.message
    with pytest.raises(ProcessError, match="said\npassword: \\*\\*\\*"):
        run(sh("echo said; echo 'password: planted'; exit 1"), timeout=10).check()


def test_interrupt_kills_the_program() -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(sh("echo $$; exec sleep 60"), timeout=30, on_line=interrupt)
    assert wait_ended(pids[0])


def test_a_daemon_holding_the_pipes_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "QUIET", 0.1)
    result = run(sh("sleep 60 & echo $!"), timeout=30)
    assert result.seconds < 10
    os.kill(int(result.stdout), signal.SIGKILL)


def test_missing_program_and_directory(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="'no-such-program' was not found"):
        run(["no-such-program"], timeout=1)
    with pytest.raises(HostError, match="does not exist"):
        run(["true"], timeout=1, cwd=tmp_path / "absent")


def test_log_is_private_and_appended(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    run(sh("echo one; echo two >&2"), timeout=10, log=log)
    run(["echo", "three"], timeout=10, log=log)
    assert log.stat().st_mode & 0o777 == 0o600
    lines = log.read_text().splitlines()
    assert lines[0] == "$ sh -c 'echo one; echo two >&2'"
    assert sorted(lines[1:3]) == ["one", "two"]
    assert lines[4:6] == ["$ echo three", "three"]
    assert [line.partition(",")[0] for line in (lines[3], *lines[6:])] == ["=== exit code 0"] * 2


def test_check_says_what_failed(tmp_path: Path) -> None:
    failed = Result(("tool", "--password", "pw"), 4, "", "\n".join(f"line {n}" for n in range(20)), 1.0)
    with pytest.raises(VMError, match=r"line 10\n(.*\n)*line 19") as caught:
        failed.check(VMError, code="LAB-VM-009", hint="try", log=tmp_path)
    error = caught.value
    assert (error.code, error.hint, error.log) == ("LAB-VM-009", "try", tmp_path)
    assert error.message.startswith("'tool --password ***' failed with exit code 4 after 1.0 s:")
    assert "line 9\n" not in error.message
    with pytest.raises(ProcessError, match="was ended by SIGKILL"):
        Result(("tool",), -9, "", "", 1.0).check()
    good = Result(("tool",), 0, "", "", 1.0)
    assert good.check() is good


def test_redact() -> None:
    shown = redact(["a", "--token=t", "--set", "password=p", "b c"])
    assert shown == "a --token=*** --set password=*** 'b c'"
    assert redact(["curl", "-x", "http://joe:pw@proxy:1/"]) == "curl -x http://***@proxy:1/"


def test_the_log_has_no_secrets(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run(["sh", "-c", "echo Authorization: Bearer abc; echo fine"], timeout=10, log=log)
    assert "Bearer abc" in result.stdout
    assert log.read_text().splitlines()[1:3] == ["Authorization: ***", "fine"]


def test_split_lines_keeps_characters_whole() -> None:
    data = "größe\nzwei\nrest".encode()
    assert list(split_lines(data[n : n + 1] for n in range(len(data)))) == ["größe\n", "zwei\n", "rest"]
    assert list(split_lines([b"\xff\n"])) == ["\ufffd\n"]
