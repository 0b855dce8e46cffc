"""Runs in the database: what the engine asks for (`model.Store`), and what the server does."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Sequence

from labkubeflow.pipelines.model import (
    CacheEntry,
    RunRecord,
    RunRequest,
    RunStatus,
    State,
    UnknownRun,
    status_from_json,
    status_to_json,
    values_from_json,
    values_to_json,
)
from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.listing import Page, Query, page
from labkubeflow.pipelines.store.records import ARCHIVED, MissingError, Run

_UNFINISHED = tuple(str(state) for state in State if not state.final)
_MARKS = ", ".join("?" * len(_UNFINISHED))


class Runs:
    """Keeps runs.

    Attributes:
        on_final: called after a run has got its last state, from whichever thread wrote that.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_final: Callable[[], None] = lambda: None

    # For the engine.

    def load(self, run_id: str) -> RunRecord:
        """Return a run; see `Store.load`."""
        row = self._database.row("SELECT request, status FROM runs WHERE id = ?", (run_id,))
        if row is None:
            raise UnknownRun(run_id)
        return _record(row)

    def save_status(self, run_id: str, status: RunStatus) -> None:
        """Write how far a run is; see `Store.save_status`."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE runs SET state = ?, finished_at = ?, status = ? WHERE id = ?",
                (str(status.state), status.finished_at, json.dumps(status_to_json(status)), run_id),
            ).rowcount
        if not changed:
            raise UnknownRun(run_id)
        if status.state.final:
            self.on_final()

    def unfinished(self) -> Sequence[str]:
        """Return the IDs of all runs that are not finished; see `Store.unfinished`."""
        found = self._database.rows(
            f"SELECT id FROM runs WHERE state IN ({_MARKS}) ORDER BY created_at", _UNFINISHED
        )
        return [row["id"] for row in found]

    def find_cached(self, namespace: str, pipeline: str, fingerprint: str) -> CacheEntry | None:
        """Return outputs that may be used again; see `Store.find_cached`."""
        row = self._database.row(
            "SELECT * FROM cache WHERE namespace = ? AND pipeline = ? AND fingerprint = ?",
            (namespace, pipeline, fingerprint),
        )
        if row is None:
            return None
        return CacheEntry(row["run_id"], row["task_id"], values_from_json(json.loads(row["outputs"])))

    def put_cached(self, namespace: str, pipeline: str, fingerprint: str, entry: CacheEntry) -> None:
        """Keep outputs for later runs; see `Store.put_cached`."""
        outputs = json.dumps(values_to_json(entry.outputs))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?, ?)",
                (namespace, pipeline, fingerprint, entry.run_id, entry.task_id, outputs),
            )

    # For the server.

    def add(self, run: Run) -> None:
        """Keep a new run."""
        with self._database.transaction() as connection:
            insert(connection, run)

    def get(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            MissingError: there is none.
        """
        row = self._database.row("SELECT * FROM runs WHERE id = ?", (run_id,))
        if row is None:
            raise MissingError(run_id)
        return _run(row)

    def page(self, scope: dict[str, str], query: Query) -> Page[Run]:
        """Return some of the runs whose columns have the values of `scope`."""
        return page(self._database, "runs", scope, query, _run)

    def store_away(self, run_id: str, state: str) -> None:
        """Archive a run, or fetch it back."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE runs SET storage_state = ? WHERE id = ?", (state, run_id))

    def archive_experiment(self, experiment_id: str) -> None:
        """Archive all runs of an experiment."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET storage_state = ? WHERE experiment_id = ?", (ARCHIVED, experiment_id)
            )

    def delete(self, run_id: str) -> None:
        """Delete a run."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def active(self, recurring_run_id: str) -> int:
        """Return how many runs of a recurring run are not finished."""
        row = self._database.row(
            f"SELECT count(*) FROM runs WHERE recurring_run_id = ? AND state IN ({_MARKS})",
            (recurring_run_id, *_UNFINISHED),
        )
        return int(row[0]) if row else 0


def insert(connection: sqlite3.Connection, run: Run) -> None:
    """Write a new run within a transaction."""
    request, status = run.record.request, run.record.status
    columns = {
        "id": request.run_id,
        "name": request.name,
        "description": run.description,
        "namespace": request.namespace,
        "experiment_id": run.experiment_id,
        "recurring_run_id": run.recurring_run_id,
        "pipeline_id": run.pipeline_id,
        "pipeline_version_id": run.pipeline_version_id,
        "storage_state": run.storage_state,
        "state": str(status.state),
        "created_at": request.created_at,
        "scheduled_at": request.scheduled_at,
        "finished_at": status.finished_at,
        "request": json.dumps(dataclasses.asdict(request)),
        "status": json.dumps(status_to_json(status)),
    }
    connection.execute(
        f"INSERT INTO runs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        tuple(columns.values()),
    )


def _record(row: sqlite3.Row) -> RunRecord:
    return RunRecord(RunRequest(**json.loads(row["request"])), status_from_json(json.loads(row["status"])))


def _run(row: sqlite3.Row) -> Run:
    return Run(
        record=_record(row),
        experiment_id=row["experiment_id"],
        description=row["description"],
        recurring_run_id=row["recurring_run_id"],
        pipeline_id=row["pipeline_id"],
        pipeline_version_id=row["pipeline_version_id"],
        storage_state=row["storage_state"],
    )
