from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from labkubeflow.login.store import Store

from .conftest import Clock


def test_of_several_takers_one_gets_an_entry(tmp_path: Path) -> None:
    store = Store(tmp_path / "x.db")
    store.put("code", "k", {"user": "a"}, 60)
    taken: list[object] = []
    threads = [threading.Thread(target=lambda: taken.append(store.take("code", "k"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert [entry for entry in taken if entry is not None] == [{"user": "a"}]


def test_kinds_are_apart(tmp_path: Path) -> None:
    store = Store(tmp_path / "x.db")
    store.put("state", "k", {"a": "b"}, 60)
    assert store.get("session", "k") is None
    assert store.get("state", "k") == {"a": "b"}
    store.close()


def test_what_is_over_is_gone_from_the_disk(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "x.db", clock)
    store.put("state", "k", {"target": "/over"}, 60)
    clock.now += 60
    assert store.get("state", "k") is None
    assert store.take("state", "k") is None
    store.put("state", "other", {"target": "/new"}, 60)
    with sqlite3.connect(tmp_path / "x.db") as connection:
        rows = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
    connection.close()
    store.close()
    assert rows == 1
