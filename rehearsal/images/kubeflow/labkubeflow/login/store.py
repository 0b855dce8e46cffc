"""What a login must remember for a while, on disk, so that it outlives the pod."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires REAL NOT NULL, PRIMARY KEY (kind, key)
)
"""

Entry = dict[str, str]


class Store:
    """Entries under secret keys, each for a limited time; may be used by several threads.

    Keys are kept as sums only: who reads the file cannot use what is in it, and how long a look-up takes
    tells nothing about the key.

    Args:
        path: of the database; made if it is missing.
        clock: seconds since the epoch.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        # A commit then waits for the disk rarely; what a power cut may lose is a login.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._connection:
            self._connection.execute(_TABLE)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def put(self, kind: str, key: str, value: Entry, seconds: float) -> None:
        """Keep an entry for some time; those whose time is over are dropped."""
        now = self._clock()
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM entries WHERE expires <= ?", (now,))
            row = (kind, _sum(key), json.dumps(value), now + seconds)
            self._connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", row)

    def get(self, kind: str, key: str) -> Entry | None:
        """Return an entry whose time is not over, or None."""
        query = "SELECT value FROM entries WHERE kind = ? AND key = ? AND expires > ?"
        return self._one(query, kind, key)

    def take(self, kind: str, key: str) -> Entry | None:
        """Return an entry as `get` does, and drop it: of several takers at once only one gets it."""
        query = "DELETE FROM entries WHERE kind = ? AND key = ? AND expires > ? RETURNING value"
        return self._one(query, kind, key)

    def _one(self, query: str, kind: str, key: str) -> Entry | None:
        with self._lock, self._connection:
            rows = self._connection.execute(query, (kind, _sum(key), self._clock())).fetchall()
        if not rows:
            return None
        entry: Entry = json.loads(rows[0][0])
        return entry


def _sum(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
