from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import labkubeflow
import pytest
from labkubeflow.pipelines.model import (
    Artifact,
    CacheEntry,
    RunRecord,
    RunRequest,
    RunStatus,
    State,
    UnknownRun,
    Values,
)
from labkubeflow.pipelines.store import Database, Stores
from labkubeflow.pipelines.store.database import StoreError
from labkubeflow.pipelines.store.records import Run


def _run(run_id: str, state: State = State.PENDING) -> Run:
    request = RunRequest(run_id, "r", "ann", {"root": {}}, {"n": 1}, created_at=1)
    return Run(RunRecord(request, RunStatus(state)), "e")


def test_runs_survive_a_process(tmp_path: Path) -> None:
    path = tmp_path / "pipelines.db"
    database = Database(path, patience=0)
    Stores(database).runs.add(_run("one"))
    Stores(database).runs.save_status("one", RunStatus(State.RUNNING, "x"))
    database.close()
    database = Database(path, patience=0)
    record = Stores(database).runs.load("one")
    assert record == RunRecord(_run("one").record.request, RunStatus(State.RUNNING, "x"))
    database.close()


def test_a_killed_process_has_lost_nothing(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from labkubeflow.pipelines.store import *\n"
        "from labkubeflow.pipelines.store.records import *\n"
        "from labkubeflow.pipelines.model import *\n"
        "stores = Stores(Database(Path(sys.argv[1])))\n"
        "stores.runs.add(Run(RunRecord(RunRequest('one', 'r', 'ann', {})), 'e'))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "pipelines.db"
    (root,) = {Path(place).parent for place in labkubeflow.__path__}
    done = subprocess.run(
        [sys.executable, "-c", program, path], env={"PYTHONPATH": str(root)}, timeout=60, check=False
    )
    assert done.returncode == -9
    database = Database(path, patience=0)
    assert Stores(database).runs.unfinished() == ["one"]
    database.close()


def test_two_processes_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipelines.db"
    first = Database(path, patience=0)
    with pytest.raises(StoreError, match="another process"):
        Database(path, patience=0)
    first.close()
    Database(path, patience=0).close()


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipelines.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="version 99"):
        Database(path, patience=0)


def test_what_is_not_there_is_unknown(database: Database) -> None:
    runs = Stores(database).runs
    with pytest.raises(UnknownRun):
        runs.load("none")
    with pytest.raises(UnknownRun):
        runs.save_status("none", RunStatus())


def test_unfinished_ones_are_found(database: Database) -> None:
    runs = Stores(database).runs
    for state in State:
        runs.add(_run(str(state), state))
    assert set(runs.unfinished()) == {"PENDING", "RUNNING", "CANCELING"}


def test_the_newest_outputs_are_found_again(database: Database) -> None:
    runs = Stores(database).runs
    assert runs.find_cached("ann", "p", "f") is None
    outputs = Values({"n": [1, "x"]}, {"data": [Artifact("data", "minio://b/k", "system.Model", {"a": 1})]})
    runs.put_cached("ann", "p", "f", CacheEntry("one", "t", Values()))
    entry = CacheEntry("two", "t", outputs)
    runs.put_cached("ann", "p", "f", entry)
    assert runs.find_cached("ann", "p", "f") == entry
    for key in (("bob", "p", "f"), ("ann", "q", "f"), ("ann", "p", "g")):
        assert runs.find_cached(*key) is None


def test_a_broken_transaction_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO cache VALUES ('a', 'b', 'c', 'd', 'e', '{}')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert database.rows("SELECT * FROM cache") == []
