"""The cache: whole entries or none, whatever happens."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from rehearsal import cache as module
from rehearsal.cache import RECORD, Broken, Cache, Workspace, digest_tree, entry_name

INPUTS = {"recipe": "1"}
NAME = entry_name("thing", INPUTS)


def small(space: Workspace) -> None:
    (space.out / "sub").mkdir()
    (space.out / "sub/small").write_text("content")
    (space.out / "link").symlink_to("sub/small")
    (space.work / "scratch").write_text("rubbish")


def test_an_entry_is_built_once(cache: Cache) -> None:
    first, built = cache.build("thing", INPUTS, small)
    again, built_again = cache.build("thing", INPUTS, small)
    assert (first, built) == (cache.path(NAME), True)
    assert (again, built_again) == (first, False)
    assert (first / "sub/small").read_text() == "content"
    assert not list(cache.root.glob(".tmp-*"))
    assert not (first / "scratch").exists()


def test_fresh_builds_again(cache: Cache) -> None:
    cache.build("thing", INPUTS, small)
    _, built = cache.build("thing", INPUTS, lambda space: (space.out / "new").touch(), fresh=True)
    assert built
    assert (cache.path(NAME) / "new").exists()
    assert not (cache.path(NAME) / "sub").exists()


def test_the_name_depends_on_kind_and_inputs() -> None:
    names = {entry_name("a", {"x": "1"}), entry_name("b", {"x": "1"}), entry_name("a", {"x": "2"})}
    assert len(names) == 3
    assert entry_name("a", {"x": "1", "y": "2"}) == entry_name("a", {"y": "2", "x": "1"})


def test_a_failed_build_leaves_nothing(cache: Cache) -> None:
    def fails(space: Workspace) -> None:
        small(space)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.build("thing", INPUTS, fails)
    assert cache.entries() == []
    assert not list(cache.root.glob(".tmp-*"))


@pytest.mark.parametrize("damage", ["truncate", "change", "remove", "relink", "record", "no record"])
def test_a_damaged_entry_is_built_again(cache: Cache, damage: str) -> None:
    entry, _ = cache.build("thing", INPUTS, small)
    match damage:
        case "truncate":
            (entry / "sub/small").write_text("con")
        case "change":
            (entry / "sub/small").write_text("CONTENT")
        case "remove":
            (entry / "sub/small").unlink()
        case "relink":
            (entry / "link").unlink()
            (entry / "link").symlink_to("elsewhere")
        case "record":
            (entry / RECORD).write_text("{half")
        case "no record":
            (entry / RECORD).unlink()
    assert cache.find(NAME) is None
    _, built = cache.build("thing", INPUTS, small)
    assert built
    assert cache.find(NAME) == entry
    assert (entry / "sub/small").read_text() == "content"


def test_large_files_are_judged_by_size_and_time_and_thoroughly_by_content(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SMALL", 3)
    entry, _ = cache.build("thing", INPUTS, small)
    file = entry / "sub/small"
    status = file.stat()
    file.write_text("CONTENT")
    assert cache.find(NAME) is None
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.find(NAME) == entry
    with pytest.raises(Broken, match="another SHA-256"):
        cache.check(NAME, thorough=True)
    cache.condemn(NAME)
    assert cache.find(NAME) is None


def test_what_a_killed_build_left_is_removed(cache: Cache) -> None:
    def hangs(started: Event) -> None:
        def builder(space: Workspace) -> None:
            small(space)
            started.set()
            time.sleep(60)

        cache.build("thing", INPUTS, builder)

    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=hangs, args=(started,))
    process.start()
    assert started.wait(10)
    assert not cache.remove(NAME), "it is in use"
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert cache.leftovers() == [NAME]
    assert cache.find(NAME) is None
    _, built = cache.build("thing", INPUTS, small)
    assert built
    assert cache.leftovers() == []


def test_the_second_of_two_waits_and_finds_the_first_ones_work(cache: Cache) -> None:
    context = multiprocessing.get_context("fork")
    started, go_on = context.Event(), context.Event()

    def first(space: Workspace) -> None:
        small(space)
        started.set()
        assert go_on.wait(10)

    process = context.Process(target=cache.build, args=("thing", INPUTS, first))
    process.start()
    assert started.wait(10)
    _, built = cache.build("thing", INPUTS, small, on_wait=go_on.set)
    process.join()
    assert go_on.is_set(), "it was told that it has to wait"
    assert (built, process.exitcode) == (False, 0)


def test_removing(cache: Cache) -> None:
    cache.build("thing", INPUTS, small)
    assert cache.entries() == [NAME]
    assert cache.remove(NAME)
    assert cache.entries() == []


def test_the_record_says_what_is_in_it(cache: Cache) -> None:
    entry, _ = cache.build("thing", INPUTS, small)
    record = json.loads((entry / RECORD).read_text())
    assert (record["kind"], record["inputs"]) == ("thing", INPUTS)
    assert set(record["files"]) == {"sub/small", "link"}


def test_a_trees_digest_ignores_what_tools_leave(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = digest_tree(tmp_path)
    for name in ("__pycache__", ".mypy_cache"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
    assert digest_tree(tmp_path) == before
    (tmp_path / "a.py").chmod(0o755)
    executable = digest_tree(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({before, executable, digest_tree(tmp_path)}) == 3
