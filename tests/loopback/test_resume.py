"""The engine goes on after whatever befalls it in the middle of a step, on a real SSH server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.plan import guest
from lab.plan.engine import Engine
from lab.plan.journal import Journal, read_entries
from lab.plan.script import stop_leftovers
from lab.plan.step import Step
from lab.report.events import Event, Notice
from lab.report.tasks import Tasks
from lab.transport import ssh
from lab.transport.ssh import SSHTransport
from tests.loopback.conftest import Server
from tests.processes import runs

LOOK = Path(__file__).parents[2] / "provision" / "look.sh"

# Satisfied once it was carried out to its end. The first time it comes to its end only when it is let.
STEP = """\
case $1 in
  check) [ -e "$HOME/done" ] ;;
  apply)
    echo $$ >>"$HOME/begun"
    echo begun
    until [ -e "$HOME/go" ]; do sleep 0.05; done
    touch "$HOME/done"
    ;;
esac
"""

ENGINE = """
import sys
from pathlib import Path
from lab.plan import guest
from tests.loopback.test_resume import Bench
from lab.transport.ssh import SSHTransport
from lab.transport.target import SSHTarget
home, port, user, key, known_hosts = sys.argv[1:]
guest._SESSION_FILE = f"{home}/session"
target = SSHTarget("127.0.0.1", int(port), user, Path(key), Path(known_hosts))
Bench(Path(home), SSHTransport.connect(target, timeout=10)).run()
"""


class Bench:
    """An engine with one step, as `up` has it."""

    def __init__(self, home: Path, transport: SSHTransport, on_event: Callable[[Event], None] | None = None):
        self.home = home
        self.transport = transport
        self.events: list[Event] = []
        self.journal = home / "journal.json"
        self.on_event = on_event or (lambda event: None)

    def run(self) -> None:
        """Do what `up` does once the machine runs."""

        def emit(event: Event) -> None:
            self.events.append(event)
            self.on_event(event)

        tasks = Tasks(emit, title="up", banner="", total=1, again="python -m lab up")
        stop_leftovers(self.transport, emit)
        journal = Journal(self.journal, notice=lambda text: None)
        engine = Engine(self.transport, journal, tasks, self.home / "logs", machine_state=lambda: "running")
        steps = [Step("20-toy", Path("20-toy.sh"), "Toy", "Why", (), "vm", 60.0, retries=0)]
        engine.run(steps, engine.look(steps))

    @property
    def notices(self) -> str:
        """What the user was told beside the progress."""
        return " ".join(event.text for event in self.events if isinstance(event, Notice))

    @property
    def begun(self) -> list[int]:
        """The shells that have begun to carry the step out."""
        with contextlib.suppress(FileNotFoundError):
            return [int(word) for word in (self.home / "begun").read_text().split()]
        return []

    def let_go(self) -> None:
        """Let the step come to its end."""
        (self.home / "go").touch()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Path]]:
    """A guest whose home directory is the test's, with the toy step in it."""
    home = tmp_path / "home"
    scripts = home / ".kubeflow-lab" / "provision"
    scripts.mkdir(parents=True)
    (scripts / "20-toy.sh").write_text(STEP)
    (scripts / "look.sh").write_text(LOOK.read_text())
    monkeypatch.setattr(guest, "_SESSION_FILE", str(home / "session"))
    directory = tmp_path / "sshd"
    directory.mkdir(mode=0o700)
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("sshd is not installed (Debian: openssh-server)")
    server = Server(directory, home=home)
    server.start()
    yield server, home
    (home / "go").touch()
    server.stop()


def connect(server: Server) -> SSHTransport:
    return SSHTransport.connect(server.target, timeout=10)


def once(act: Callable[[], None]) -> Callable[[Event], None]:
    """Return a subscriber that does something when the step has begun, once, while the engine goes on."""
    done: list[Event] = []

    def see(event: Event) -> None:
        if getattr(event, "line", "") == "begun" and not done:
            done.append(event)
            threading.Thread(target=act).start()

    return see


def test_killed_in_the_middle_of_a_step(lab: tuple[Server, Path]) -> None:
    server, home = lab
    target = server.target
    arguments = [str(home), str(target.port), target.user, str(target.key_file), str(target.known_hosts)]
    first = subprocess.Popen([sys.executable, "-c", ENGINE, *arguments], start_new_session=True)
    bench = Bench(home, connect(server))
    try:
        eventually(lambda: len(bench.begun) == 1)
    finally:
        first.kill()
        first.wait()
    assert runs(bench.begun[0]), "nobody was there to end it"
    assert read_entries(bench.journal)["20-toy"].state == "running"

    ended: list[bool] = []

    def let_go() -> None:
        ended.append(not runs(bench.begun[0]))
        bench.let_go()

    bench.on_event = once(let_go)
    bench.run()
    assert "interrupted run was still at work" in bench.notices
    assert ended == [True], "never two at a time"
    assert len(bench.begun) == 2
    assert read_entries(bench.journal)["20-toy"].state == "done"
    bench.transport.close()


@pytest.mark.parametrize("how", ["cut", "restarted"])
def test_the_connection_is_lost_in_the_middle_of_a_step(lab: tuple[Server, Path], how: str) -> None:
    server, home = lab

    def break_it() -> None:
        if how == "cut":
            server.cut()
        else:
            server.stop()
            server.start()
        bench.let_go()

    bench = Bench(home, connect(server), once(break_it))
    bench.run()
    assert "was lost in 'Toy'; it is made again" in bench.notices
    assert not runs(bench.begun[0])
    assert read_entries(bench.journal)["20-toy"].state == "done"
    bench.transport.close()


def test_a_connection_that_hangs_is_noticed(
    lab: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, home = lab
    monkeypatch.setattr(ssh, "SILENCE", 0.2)
    monkeypatch.setattr(ssh, "CHANNEL_TIMEOUT", 2.0)
    freeze = once(server.freeze)

    def see(event: Event) -> None:
        freeze(event)
        # A new login does not hang, and may take its time on a busy computer.
        if isinstance(event, Notice) and "made again" in event.text:
            monkeypatch.setattr(ssh, "SILENCE", 60.0)
            monkeypatch.setattr(ssh, "CHANNEL_TIMEOUT", 60.0)
            bench.let_go()

    bench = Bench(home, connect(server), see)
    bench.run()
    assert "was lost in 'Toy'" in bench.notices
    assert read_entries(bench.journal)["20-toy"].state == "done"
    server.thaw()
    bench.transport.close()


def test_silence_alone_is_no_fault(lab: tuple[Server, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = lab
    monkeypatch.setattr(ssh, "SILENCE", 0.05)
    transport = connect(server)
    assert transport.run("sleep 0.5; echo there", timeout=10).stdout == "there\n"
    transport.close()


def test_ctrl_c_says_where_and_leaves_nothing_running(lab: tuple[Server, Path]) -> None:
    from lab.errors import Interrupted

    server, home = lab
    bench = Bench(home, connect(server), once(lambda: os.kill(os.getpid(), signal.SIGINT)))
    with pytest.raises(Interrupted, match="Interrupted in task 1 of 1, 'Toy'") as caught:
        bench.run()
    assert caught.value.hint == "This goes on from there: python -m lab up"
    eventually(lambda: not runs(bench.begun[0]))
    assert read_entries(bench.journal)["20-toy"].state == "interrupted"
    bench.transport.close()
