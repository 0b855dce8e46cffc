"""Moments of an `up` at which it matters that something happens to it, and the steps that it goes through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.plan.catalogue import load_steps
from tests.faults.engine import Engine, Event
from tests.faults.rig import Rig

STEPS = [step.name for step in load_steps(Path(__file__).parents[2] / "provision")]

DEADLINE = 1800.0
"""Seconds that a single task may take, with what an earlier test has left for it to do."""


class AtWork:
    """The moment at which a task is really at work: its script changes things, and has said something.

    A task that found nothing to do, or that the host does in one go, is over before that: its end will do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False

    def __call__(self, event: Event) -> bool:
        if event.get("name") != self._name:
            return False
        if event["event"] == "attempt-started":
            self._begun = event["action"] == "apply"
            return False
        return event["event"] == "task-ended" or (self._begun and event["event"] != "task-started")


def steps(first: str, last: str) -> list[str]:
    """Return the steps from one to another, both of them included."""
    return STEPS[STEPS.index(first) : STEPS.index(last) + 1]


def _reach(engine: Engine, task: str) -> Event:
    return engine.wait_for(AtWork(task), f"'{task}' to be at work", deadline=DEADLINE)


def kill_in(rig: Rig, task: str) -> None:
    """Bring the lab up until a task is at work, or has found nothing to do, and kill the engine then."""
    with rig.at_work() as engine:
        _reach(engine, task)
        engine.kill()


@contextmanager
def at_work_in(rig: Rig, task: str) -> Iterator[Engine]:
    """Bring the lab up until a task is at work; it goes on until the block ends."""
    with rig.at_work() as engine:
        event = _reach(engine, task)
        assert event["event"] != "task-ended", f"'{task}' had nothing to do: {event}"
        yield engine


def sees_the_loss(engine: Engine) -> None:
    """Wait until it says that its connection was lost."""
    engine.wait_for(
        lambda event: event["event"] == "notice" and "connection to the VM was lost" in event["text"],
        "the loss to be noticed",
        deadline=DEADLINE,
    )


def carries_out(engine: Engine, task: str, *outcomes: str) -> None:
    """Wait until a task has ended, with one of these outcomes; if none is given, it has to be ``done``."""
    event = engine.wait_for(
        lambda event: event["event"] == "task-ended" and event["name"] == task,
        f"'{task}' to end",
        deadline=DEADLINE,
    )
    assert event["outcome"] in (outcomes or ("done",)), event
