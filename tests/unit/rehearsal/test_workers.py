"""Building several recipes at once, in processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import HostError, Interrupted
from lab.process import run
from rehearsal.cache import Cache
from rehearsal.recipe import Job, Recipe
from rehearsal.workers import Builder, Event, interrupted


def recipe(kind: str, make: Callable[[Job], None], *needs: Recipe) -> Recipe:
    return Recipe(kind, f"the {kind}", {"recipe": "1"}, make, needs)


def writes(text: str) -> Callable[[Job], None]:
    def make(job: Job) -> None:
        found = "".join((path / "text").read_text() for path in job.needs.values())
        job.say("writing")
        (job.out / "text").write_text(found + text)

    return make


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def builder(cache: Cache, tmp_path: Path, events: list[Event]) -> Builder:
    return Builder(cache, tmp_path / "logs", run, events.append)


def test_what_is_needed_is_built_first(builder: Builder, cache: Cache, events: list[Event]) -> None:
    first, second = recipe("one", writes("1")), recipe("two", writes("2"))
    goal = recipe("goal", writes("!"), first, second)
    builder.build(builder.missing(goal))
    assert (cache.path(goal.name) / "text").read_text() == "12!"
    assert [event.recipe.kind for event in events if event.what == "built"][-1] == "goal"
    assert Event(goal, "detail", "writing", events[-2].seconds) in events
    assert builder.missing(goal) == []


def test_only_what_is_missing_is_built(builder: Builder, cache: Cache) -> None:
    first, second = recipe("one", writes("1")), recipe("two", writes("2"))
    goal = recipe("goal", writes("!"), first, second)
    builder.build(builder.missing(goal))
    cache.remove(first.name)
    assert builder.missing(goal) == [], "what is whole needs nothing below it"
    (cache.path(goal.name) / "text").write_text("?")
    assert [recipe.kind for recipe in builder.missing(goal)] == ["one", "goal"]


def test_a_change_below_changes_the_name_above() -> None:
    one, other = recipe("one", writes("1")), Recipe("one", "the one", {"recipe": "2"}, writes("1"))
    assert recipe("goal", writes("!"), one).name != recipe("goal", writes("!"), other).name


def test_a_failure_says_the_stage_the_last_lines_and_the_log(
    builder: Builder, cache: Cache, tmp_path: Path
) -> None:
    def fails(job: Job) -> None:
        job.run(["sh", "-c", "echo about to fail; exit 3"], timeout=10, hint="Do this.")

    with pytest.raises(HostError) as failure:
        builder.build([recipe("bad", fails)])
    assert "the bad: " in failure.value.message
    assert "about to fail" in failure.value.message
    assert failure.value.hint == "Do this."
    assert failure.value.log == tmp_path / "logs/bad.log"
    assert "about to fail" in failure.value.log.read_text()
    assert cache.entries() == []
    assert cache.leftovers() == []


def test_a_mistake_in_a_recipe_leaves_its_traceback_in_the_log(builder: Builder, tmp_path: Path) -> None:
    def wrong(job: Job) -> None:
        raise KeyError("oops")

    with pytest.raises(HostError, match="KeyError"):
        builder.build([recipe("bad", wrong)])
    assert "Traceback" in (tmp_path / "logs/bad.log").read_text()


def test_a_worker_that_vanishes_is_noticed(builder: Builder) -> None:
    with pytest.raises(HostError, match="without a word"):
        builder.build([recipe("bad", lambda job: os.kill(os.getpid(), signal.SIGKILL))])


def test_a_failure_stops_the_others_and_what_they_run(builder: Builder, cache: Cache, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def slow(job: Job) -> None:
        def note(line: str) -> None:
            pid_file.with_suffix(".new").write_text(line)
            pid_file.with_suffix(".new").rename(pid_file)

        job.run(["sh", "-c", "echo $$; sleep 60"], timeout=90, on_line=note)

    def fails(job: Job) -> None:
        while not pid_file.exists():
            time.sleep(0.01)
        raise KeyError("oops")

    started = time.monotonic()
    with pytest.raises(HostError):
        builder.build([recipe("slow", slow), recipe("bad", fails)])
    assert time.monotonic() - started < 20
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()
    assert cache.leftovers() == []


def test_ctrl_c_stops_everything(builder: Builder, cache: Cache, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def slow(job: Job) -> None:
        job.run(
            ["sh", "-c", f"echo $$ >{pid_file}; echo running; sleep 60"],
            timeout=90,
            on_line=lambda line: os.kill(os.getppid(), signal.SIGINT),
        )

    previous = signal.signal(signal.SIGINT, interrupted)
    try:
        with pytest.raises(Interrupted):
            builder.build([recipe("slow", slow)])
    finally:
        signal.signal(signal.SIGINT, previous)
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()
    assert cache.entries() == cache.leftovers() == []
