"""Recurring runs in the database."""

from __future__ import annotations

import dataclasses
import json
import sqlite3

from labkubeflow.pipelines.store import runs
from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.listing import Page, Query, page
from labkubeflow.pipelines.store.records import MissingError, Plan, RecurringRun, Run


class RecurringRuns:
    """Keeps recurring runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, item: RecurringRun) -> None:
        """Keep a new recurring run."""
        columns = {**dataclasses.asdict(item), "plan": json.dumps(dataclasses.asdict(item.plan))}
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO recurring_runs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                tuple(columns.values()),
            )

    def get(self, recurring_run_id: str) -> RecurringRun:
        """Return a recurring run.

        Raises:
            MissingError: there is none.
        """
        row = self._database.row("SELECT * FROM recurring_runs WHERE id = ?", (recurring_run_id,))
        if row is None:
            raise MissingError(recurring_run_id)
        return _recurring_run(row)

    def page(self, scope: dict[str, str], query: Query) -> Page[RecurringRun]:
        """Return some of the recurring runs whose columns have the values of `scope`."""
        return page(self._database, "recurring_runs", scope, query, _recurring_run)

    def enabled(self) -> list[RecurringRun]:
        """Return all that are switched on."""
        found = self._database.rows("SELECT * FROM recurring_runs WHERE enabled ORDER BY created_at")
        return [_recurring_run(row) for row in found]

    def switch(self, recurring_run_id: str, enabled: bool, now: float, error: str = "") -> None:
        """Switch one on or off; `error` says why the server did so by itself."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE recurring_runs SET enabled = ?, updated_at = ?, error = ? WHERE id = ?",
                (enabled, now, error, recurring_run_id),
            )

    def switch_off_experiment(self, experiment_id: str, now: float) -> None:
        """Switch off all recurring runs of an experiment."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE recurring_runs SET enabled = 0, updated_at = ? WHERE experiment_id = ?",
                (now, experiment_id),
            )

    def started(self, item: RecurringRun, run: Run, due: float) -> bool:
        """Keep a run that a recurring run has started, together with the fact that it has.

        Args:
            item: the recurring run, as it was read.
            run: the new run.
            due: the time for which it was started.

        Returns:
            Whether that was done: it is not if the recurring run has been deleted or switched off, or has
            started a run, since it was read.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE recurring_runs SET last_index = last_index + 1, last_triggered = ?, updated_at = ? "
                "WHERE id = ? AND enabled AND last_index = ?",
                (due, run.record.request.created_at, item.id, item.last_index),
            ).rowcount
            if changed:
                runs.insert(connection, run)
        return bool(changed)

    def delete(self, recurring_run_id: str) -> None:
        """Delete a recurring run, but none of the runs that it has started."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM recurring_runs WHERE id = ?", (recurring_run_id,))


def _recurring_run(row: sqlite3.Row) -> RecurringRun:
    columns = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row iterates over its values
    return RecurringRun(
        **{**columns, "enabled": bool(row["enabled"]), "plan": Plan(**json.loads(row["plan"]))}
    )
