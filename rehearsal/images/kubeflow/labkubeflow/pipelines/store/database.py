"""The SQLite file: its tables, and who may write to it."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

VERSION = 1
"""The version of the tables. A file of another version is refused: a rehearsal is made anew instead."""

LOCK_POLL_SECONDS = 0.5

_SCHEMA = """
CREATE TABLE experiments (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    namespace TEXT NOT NULL,
    storage_state TEXT NOT NULL,
    created_at REAL NOT NULL,
    UNIQUE (namespace, name)
);
CREATE TABLE pipelines (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    namespace TEXT NOT NULL,
    created_at REAL NOT NULL,
    UNIQUE (namespace, name)
);
CREATE TABLE pipeline_versions (
    id TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at REAL NOT NULL,
    spec TEXT NOT NULL,
    UNIQUE (pipeline_id, name)
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    namespace TEXT NOT NULL,
    experiment_id TEXT NOT NULL,
    recurring_run_id TEXT NOT NULL,
    pipeline_id TEXT NOT NULL,
    pipeline_version_id TEXT NOT NULL,
    storage_state TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    scheduled_at REAL NOT NULL,
    finished_at REAL NOT NULL,
    request TEXT NOT NULL,
    status TEXT NOT NULL
);
CREATE INDEX runs_of_namespace ON runs (namespace, created_at);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_of_recurring_run ON runs (recurring_run_id, state);
CREATE TABLE recurring_runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    namespace TEXT NOT NULL,
    experiment_id TEXT NOT NULL,
    pipeline_id TEXT NOT NULL,
    pipeline_version_id TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    job_name TEXT NOT NULL,
    last_index INTEGER NOT NULL,
    last_triggered REAL NOT NULL,
    error TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TABLE cache (
    namespace TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    run_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    outputs TEXT NOT NULL,
    PRIMARY KEY (namespace, pipeline, fingerprint)
);
"""


class StoreError(Exception):
    """The database cannot be used."""


class Database:
    """A connection that all threads share; each transaction has it for itself.

    Args:
        path: the file; it is made if it is not there. Beside it is a lock: a pod that is on its way out may
            still write, so its successor waits for it.
        patience: how long to wait for the lock, in seconds.

    Raises:
        StoreError: another process keeps the file, or its tables are of another version.
    """

    def __init__(self, path: Path, patience: float = 60.0) -> None:
        self._owner = _lock(path.with_suffix(".lock"), patience)
        self._guard = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}").close()
        try:
            self._create(path)
        except BaseException:
            self.close()
            raise

    def _create(self, path: Path) -> None:
        with self.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                return
            if version:
                raise StoreError(f"{path} has tables of version {version}, this program those of {VERSION}")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all that is done inside happens, or nothing of it."""
        with self._guard:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Read all rows that a query finds."""
        with self._guard:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Read the first row that a query finds."""
        with self._guard:
            found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def close(self) -> None:
        """Close the file and let go of it."""
        with self._guard:
            self._connection.close()
        self._owner.close()


def _lock(path: Path, patience: float) -> IO[bytes]:
    """Take the lock beside the database; it is let go when the file is closed or the process ends."""
    deadline = time.monotonic() + patience
    file = path.open("ab")
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                raise StoreError(f"another process holds {path}") from None
            # There is no waiting for a lock with a deadline.
            time.sleep(LOCK_POLL_SECONDS)
