"""The shell commands for the guest, run by the shell of this computer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.plan import guest

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")


class Home:
    """A home directory with scripts, as the guest has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {**os.environ, "HOME": str(path)}
        self.scripts = path / ".kubeflow-lab" / "provision"
        self.started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> None:
        self.scripts.mkdir(parents=True, exist_ok=True)
        (self.scripts / f"{name}.sh").write_text(text)

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[str]:
        """Run a command as an SSH server does: as the leader of a new session."""
        child = subprocess.Popen(
            ["bash", "-c", f"{command}\nexit $?"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(child)
        return child


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(guest, "_SESSION_FILE", str(tmp_path / "session"))
    made = Home(tmp_path)
    yield made
    for child in made.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def test_what_an_engine_left_behind_is_ended(home: Home) -> None:
    # `timeout` makes a process group of its own, as the real steps' commands do.
    home.write("20-microk8s", "echo begun; timeout 60 sleep 50")
    child = home.start(guest.stoppable(guest.script("20-microk8s", "apply")))
    assert child.stdout
    assert child.stdout.readline() == "begun\n"
    assert home.run(guest.stop_leftovers()) == "stopped\n"
    started = time.monotonic()
    child.communicate(timeout=10)  # until nobody has the pipe any more
    assert time.monotonic() - started < 5
    assert home.run(guest.stop_leftovers()) == ""


def test_a_script_that_ended_leaves_nothing_to_end(home: Home) -> None:
    home.write("20-microk8s", "exit 3")
    child = home.start(guest.stoppable(guest.script("20-microk8s", "apply")))
    child.communicate(timeout=10)
    assert child.returncode == 3
    assert home.run(guest.stop_leftovers()) == ""


def test_a_number_that_is_another_program_s_by_now_is_left_alone(home: Home) -> None:
    child = home.start("sleep 50")
    (home.path / "session").write_text(f"{child.pid}\n")
    assert home.run(guest.stop_leftovers()) == ""
    assert child.poll() is None


LOOK = Path(__file__).parents[3] / "provision" / "look.sh"


def test_checks_go_on_to_the_first_that_is_not_satisfied(home: Home) -> None:
    for name, code in (("10-a", 0), ("20-b", 1), ("30-c", 0)):
        home.write(name, f"cat; echo said by $1; echo complaint >&2; exit {code}")
    home.write("look", LOOK.read_text())
    assert home.run(guest.look(["10-a", "20-b", "30-c"])).splitlines() == [
        "said by check",
        "complaint",
        "::checked 10-a 0",
        "said by check",
        "complaint",
        "::checked 20-b 1",
    ]


def test_checks_run_side_by_side_and_are_told_of_in_order(home: Home) -> None:
    # Each ends only when the other has begun.
    for name in ("one", "two"):
        os.mkfifo(home.path / name)
    home.write("10-a", 'read -r _ <"$HOME/one"; echo >"$HOME/two"')
    home.write("20-b", 'echo >"$HOME/one"; read -r _ <"$HOME/two"')
    home.write("look", LOOK.read_text())
    assert home.run(guest.look(["10-a", "20-b"])).splitlines() == ["::checked 10-a 0", "::checked 20-b 0"]


def test_nothing_is_begun_after_a_failure_and_nothing_is_left(home: Home) -> None:
    home.write("10-a", 'echo "$LAB_ANSWERS" >"$HOME/answers"; echo $$ >"$HOME/first"; exit 1')
    for number in range(20, 60):
        waits = 'until [ -s "$HOME/first" ] && [ ! -e "/proc/$(cat "$HOME/first")" ]; do sleep 0.05; done'
        home.write(f"{number}-b", f'echo "$0" >>"$HOME/begun"; {waits}')
    home.write("look", LOOK.read_text())
    names = ["10-a", *(f"{number}-b" for number in range(20, 60))]
    assert home.run(guest.look(names)) == "::checked 10-a 1\n"
    at_a_time = len(os.sched_getaffinity(0)) + 1
    assert len((home.path / "begun").read_text().splitlines()) < at_a_time
    assert not Path((home.path / "answers").read_text().strip()).exists()


def test_scripts_of_an_older_version_go(home: Home) -> None:
    home.write("99-old", "")
    home.run(guest.fresh_home())
    assert not home.scripts.exists()
    assert home.scripts.parent.stat().st_mode & 0o777 == 0o700
