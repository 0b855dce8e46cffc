"""A guest that follows a script of its own, and a clock that nobody waits for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.network.discover import HostNetwork
from lab.plan.engine import Engine
from lab.plan.journal import Journal
from lab.plan.step import Step
from lab.report.events import Event, Notice, TaskEnded, Waiting
from lab.report.tasks import Tasks
from lab.transport.base import CommandResult, TransportError, Tunnel

_ACTION = re.compile(r"bash ~/\.kubeflow-lab/provision/(\S+)\.sh (\w+)$")


@pytest.fixture(autouse=True)
def host_network(monkeypatch: pytest.MonkeyPatch) -> list[HostNetwork]:
    """What the host uses to reach the world: the last of the list, whatever is true of this computer."""
    found = [HostNetwork()]
    monkeypatch.setattr("lab.plan.login.discover", lambda environ, release: found[-1])
    return found


@dataclass
class Clock:
    """Goes forward only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Answer:
    """How the guest answers one action of one script."""

    code: int = 0
    lines: tuple[str, ...] = ()
    raises: BaseException | None = None


@dataclass(frozen=True)
class FakeTunnel:
    """Leads nowhere."""

    port: int


class FakeGuest:
    """A `Transport` to a guest in which only the actions foreseen may be run."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.ran: list[str] = []
        self.timeouts: dict[str, float] = {}
        self.leftovers = False
        self.stops = 0
        self.logins: list[TransportError | None] = []
        self.machine_states: list[str | LabError] = []
        self.reconnects = 0
        self.files: dict[str, str] = {}
        self.copied: list[tuple[Path, str]] = []
        self.sums = ""
        self.versions = {"kernel": "6.1.0-42-amd64"}
        self.closed = False
        self.clock_ahead = 0.0

    def on(self, name: str, action: str, *answers: Answer | int) -> None:
        """Foresee an action; the last answer is repeated."""
        self.answers[name, action] = [
            Answer(answer) if isinstance(answer, int) else answer for answer in answers
        ]

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - the protocol's name
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        if command == "date +%s.%N":
            return CommandResult(command, 0, f"{time.time() + self.clock_ahead:.9f}\n", "", 0.1)
        if match := re.fullmatch(r"sudo -n date --set='([-+][\d.]+) seconds' >/dev/null", command):
            self.clock_ahead += float(match[1])
            return CommandResult(command, 0, "", "", 0.1)
        if "pkill" in command:
            self.stops += 1
            return CommandResult(command, 0, "stopped\n" if self.leftovers else "", "", 0.1)
        if match := re.fullmatch(r"bash ~/\.kubeflow-lab/provision/look\.sh (.*)", command):
            return self._look(command, match[1].split())
        if match := _ACTION.search(command):
            name, action = match[1], match[2]
            assert (action == "check") == ("kubeflow-lab.session" not in command), (
                "a check changes nothing, so nothing stops it"
            )
            self.timeouts[f"{name} {action}"] = timeout
            answer = self._answer(name, action)
            for line in answer.lines:
                assert on_line
                on_line(line)
            if answer.raises:
                raise answer.raises
            return CommandResult(command, answer.code, "\n".join(answer.lines), "", 1.0)
        if match := re.fullmatch(r"bash -s -- '?(@@\w+)'? uk8sx kubeflow", command):
            assert input
            assert input.startswith("#!/usr/bin/env bash\n# Asks the guest which versions it has")
            chunks = [
                f"\n{match[1]} {name} 0\n{text}\n{match[1]} {name} stderr\n"
                for name, text in self.versions.items()
            ]
            return CommandResult(command, 0, "".join(chunks), "", 1.0)
        if "sha256sum" in command:
            return CommandResult(command, 0, self.sums, "", 0.1)
        assert command == "install -d -m 700 ~/.kubeflow-lab && rm -rf ~/.kubeflow-lab/provision"
        return CommandResult(command, 0, "", "", 0.1)

    def _answer(self, name: str, action: str) -> Answer:
        assert (name, action) in self.answers, f"unforeseen: {name} {action}"
        self.ran.append(f"{name} {action}")
        answers = self.answers[name, action]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _look(self, command: str, names: list[str]) -> CommandResult:
        lines = []
        for name in names:
            answer = self._answer(name, "check")
            if answer.raises:
                raise answer.raises
            lines += [*answer.lines, f"::checked {name} {answer.code}"]
            if answer.code:
                break
        return CommandResult(command, 0, "\n".join(lines), "", 1.0)

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> None:
        self.copied.append((local, remote))

    def put_text(self, text: str, remote: str, mode: int = 0o600) -> None:
        self.files[remote] = text

    def read_text(self, remote: str) -> str:
        if remote not in self.files:
            raise FileNotFoundError(remote)
        return self.files[remote]

    @contextmanager
    def tunnel(self, host: str, port: int, local_port: int = 0) -> Iterator[Tunnel]:
        assert port == 16443, "only the API server is led anywhere"
        yield FakeTunnel(local_port)

    def reconnect(self) -> None:
        self.reconnects += 1
        if self.logins and (error := self.logins.pop(0)):
            raise error

    def is_alive(self) -> bool:
        return True

    def machine_state(self) -> str:
        """Say the state of the machine that it runs in; the last one is repeated."""
        states = self.machine_states or ["running"]
        state = states.pop(0) if len(states) > 1 else states[0]
        if isinstance(state, LabError):
            raise state
        return state

    def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """An engine with everything around it in the hands of the test."""

    guest: FakeGuest
    clock: Clock
    events: list[Event]
    tasks: Tasks
    journal: Journal
    engine: Engine
    logs: Path

    def run(self, *steps: Step) -> None:
        self.engine.run(steps, self.engine.look(steps))

    @property
    def waits(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Waiting)]

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(event.name, event.outcome) for event in self.events if isinstance(event, TaskEnded)]


@pytest.fixture
def guest() -> FakeGuest:
    return FakeGuest()


@pytest.fixture
def say() -> type[Answer]:
    return Answer


@pytest.fixture
def bench(tmp_path: Path, guest: FakeGuest) -> Bench:
    clock = Clock()
    events: list[Event] = []
    tasks = Tasks(events.append, title="up", banner="", total=3, again="python -m lab up", clock=clock)
    journal = Journal(tmp_path / "journal.json", notice=lambda text: None)
    engine = Engine(
        guest, journal, tasks, tmp_path / "logs", machine_state=guest.machine_state, sleep=clock.sleep
    )
    return Bench(guest, clock, events, tasks, journal, engine, tmp_path / "logs")
