"""Experiments in the database."""

from __future__ import annotations

import sqlite3

from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.listing import Page, Query, page
from labkubeflow.pipelines.store.records import DuplicateError, Experiment, MissingError


class Experiments:
    """Keeps experiments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, item: Experiment) -> None:
        """Keep a new experiment.

        Raises:
            DuplicateError: its namespace has one of that name.
        """
        values = (
            item.id,
            item.name,
            item.description,
            item.namespace,
            item.storage_state,
            item.created_at,
        )
        try:
            with self._database.transaction() as connection:
                connection.execute("INSERT INTO experiments VALUES (?, ?, ?, ?, ?, ?)", values)
        except sqlite3.IntegrityError as error:
            raise DuplicateError(item.name) from error

    def get(self, experiment_id: str) -> Experiment:
        """Return an experiment.

        Raises:
            MissingError: there is none.
        """
        row = self._database.row("SELECT * FROM experiments WHERE id = ?", (experiment_id,))
        if row is None:
            raise MissingError(experiment_id)
        return _experiment(row)

    def named(self, namespace: str, name: str) -> Experiment | None:
        """Return the experiment of a name, if there is one."""
        row = self._database.row(
            "SELECT * FROM experiments WHERE namespace = ? AND name = ?", (namespace, name)
        )
        return None if row is None else _experiment(row)

    def page(self, namespace: str, query: Query) -> Page[Experiment]:
        """Return some of the experiments of a namespace."""
        return page(self._database, "experiments", {"namespace": namespace}, query, _experiment)

    def store_away(self, experiment_id: str, state: str) -> None:
        """Archive an experiment, or fetch it back; its runs and recurring runs are another matter."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE experiments SET storage_state = ? WHERE id = ?", (state, experiment_id)
            )

    def delete(self, experiment_id: str) -> None:
        """Delete an experiment, but none of its runs."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM experiments WHERE id = ?", (experiment_id,))


def _experiment(row: sqlite3.Row) -> Experiment:
    return Experiment(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        namespace=row["namespace"],
        created_at=row["created_at"],
        storage_state=row["storage_state"],
    )
