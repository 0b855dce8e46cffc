"""Pipelines and their versions in the database."""

from __future__ import annotations

import json
import sqlite3

from labkubeflow.pipelines.store.database import Database
from labkubeflow.pipelines.store.listing import Page, Query, page
from labkubeflow.pipelines.store.records import DuplicateError, MissingError, Pipeline, Version


class Pipelines:
    """Keeps pipelines with their versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, item: Pipeline, version: Version | None = None) -> None:
        """Keep a new pipeline, with its first version or without one.

        Raises:
            DuplicateError: its namespace has one of that name.
        """
        values = (
            item.id,
            item.name,
            item.display_name,
            item.description,
            item.namespace,
            item.created_at,
        )
        try:
            with self._database.transaction() as connection:
                connection.execute("INSERT INTO pipelines VALUES (?, ?, ?, ?, ?, ?)", values)
                if version:
                    _insert(connection, version)
        except sqlite3.IntegrityError as error:
            raise DuplicateError(item.name) from error

    def get(self, pipeline_id: str) -> Pipeline:
        """Return a pipeline.

        Raises:
            MissingError: there is none.
        """
        row = self._database.row("SELECT * FROM pipelines WHERE id = ?", (pipeline_id,))
        if row is None:
            raise MissingError(pipeline_id)
        return _pipeline(row)

    def named(self, namespace: str, name: str) -> Pipeline:
        """Return the pipeline of a name.

        Raises:
            MissingError: the namespace has none of that name.
        """
        row = self._database.row(
            "SELECT * FROM pipelines WHERE namespace = ? AND name = ?", (namespace, name)
        )
        if row is None:
            raise MissingError(name)
        return _pipeline(row)

    def page(self, namespace: str, query: Query) -> Page[Pipeline]:
        """Return some of the pipelines of a namespace; of those that all share if it is empty."""
        return page(self._database, "pipelines", {"namespace": namespace}, query, _pipeline)

    def delete(self, pipeline_id: str) -> None:
        """Delete a pipeline with its versions."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pipelines WHERE id = ?", (pipeline_id,))

    def add_version(self, version: Version) -> None:
        """Keep a new version.

        Raises:
            DuplicateError: the pipeline has one of that name.
            MissingError: there is no such pipeline any more.
        """
        try:
            with self._database.transaction() as connection:
                _insert(connection, version)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname == "SQLITE_CONSTRAINT_FOREIGNKEY":
                raise MissingError(version.pipeline_id) from error
            raise DuplicateError(version.name) from error

    def version(self, version_id: str) -> Version:
        """Return a version.

        Raises:
            MissingError: there is none.
        """
        row = self._database.row("SELECT * FROM pipeline_versions WHERE id = ?", (version_id,))
        if row is None:
            raise MissingError(version_id)
        return _version(row)

    def latest(self, pipeline_id: str) -> Version | None:
        """Return the newest version of a pipeline, if it has any."""
        row = self._database.row(
            "SELECT * FROM pipeline_versions WHERE pipeline_id = ? ORDER BY created_at DESC, rowid DESC",
            (pipeline_id,),
        )
        return None if row is None else _version(row)

    def versions(self, pipeline_id: str, query: Query) -> Page[Version]:
        """Return some of the versions of a pipeline."""
        return page(self._database, "pipeline_versions", {"pipeline_id": pipeline_id}, query, _version)

    def delete_version(self, version_id: str) -> None:
        """Delete a version."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pipeline_versions WHERE id = ?", (version_id,))


def _insert(connection: sqlite3.Connection, item: Version) -> None:
    connection.execute(
        "INSERT INTO pipeline_versions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            item.id,
            item.pipeline_id,
            item.name,
            item.display_name,
            item.description,
            item.created_at,
            json.dumps(item.spec),
        ),
    )


def _pipeline(row: sqlite3.Row) -> Pipeline:
    return Pipeline(
        id=row["id"],
        name=row["name"],
        display_name=row["display_name"],
        description=row["description"],
        namespace=row["namespace"],
        created_at=row["created_at"],
    )


def _version(row: sqlite3.Row) -> Version:
    return Version(
        id=row["id"],
        pipeline_id=row["pipeline_id"],
        name=row["name"],
        display_name=row["display_name"],
        description=row["description"],
        created_at=row["created_at"],
        spec=json.loads(row["spec"]),
    )
