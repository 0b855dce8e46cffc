"""Lists: pages, order and filters, turned into SQL.

What can be asked is what upstream's server can be asked (kubeflow/pipelines,
backend/src/apiserver/list/list.go and filter/filter.go): one sort field, the key as tie-break, predicates
that must all hold, text compared without regard to case, and times by whole seconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from labkubeflow.pipelines.store.database import Database

Item = TypeVar("Item")

TIMES = frozenset({"created_at", "updated_at", "scheduled_at", "finished_at"})

_COMPARISONS = {
    "EQUALS": "=",
    "NOT_EQUALS": "<>",
    "GREATER_THAN": ">",
    "GREATER_THAN_EQUALS": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_EQUALS": "<=",
}


@dataclass(frozen=True)
class Condition:
    """One predicate.

    Attributes:
        column: of the table.
        operation: a name of upstream's `Predicate.Operation`.
        value: text or number; a list of them for `IN`.
    """

    column: str
    operation: str
    value: Any


@dataclass(frozen=True)
class Query:
    """Which items, in which order, from where on.

    Attributes:
        conditions: all of them must hold.
        sort: the column to sort by.
        start: the sort value and the key of the first item of the page; None for the first page.
    """

    conditions: tuple[Condition, ...] = ()
    sort: str = "created_at"
    descending: bool = False
    size: int = 20
    start: tuple[Any, str] | None = None


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A part of a list.

    Attributes:
        total: how many items there are on all pages.
        following: where the next page starts; None after the last one.
    """

    items: list[Item] = field(default_factory=list)
    total: int = 0
    following: tuple[Any, str] | None = None


def page(
    database: Database,
    table: str,
    scope: Mapping[str, str],
    query: Query,
    make: Callable[[sqlite3.Row], Item],
) -> Page[Item]:
    """Return one page of a table.

    Args:
        database: where it is.
        table: its name.
        scope: values that columns must have, whatever the filter says.
        query: what is asked. Its columns are put into the SQL, so they must not be a caller's text.
        make: turns a row into an item.
    """
    clauses, values = ["1"], []
    for column, value in scope.items():
        clauses.append(f"{column} = ?")
        values.append(value)
    for condition in query.conditions:
        clause, more = _clause(condition)
        clauses.append(clause)
        values += more
    where = " AND ".join(clauses)
    count = database.row(f"SELECT count(*) FROM {table} WHERE {where}", values)
    if query.start:
        beyond = "<=" if query.descending else ">="
        where += f" AND ({query.sort}, id) {beyond} (?, ?)"
        values += query.start
    order = "DESC" if query.descending else "ASC"
    rows = database.rows(
        f"SELECT * FROM {table} WHERE {where} ORDER BY {query.sort} {order}, id {order} LIMIT ?",
        [*values, query.size + 1],
    )
    more_rows = rows[query.size :]
    following = (more_rows[0][query.sort], str(more_rows[0]["id"])) if more_rows else None
    return Page([make(row) for row in rows[: query.size]], count[0] if count else 0, following)


def _clause(condition: Condition) -> tuple[str, list[Any]]:
    column, value = condition.column, condition.value
    if column in TIMES:
        column = f"CAST({column} AS INTEGER)"
    if condition.operation == "IN":
        marks = ", ".join("?" * len(value))
        return f"{column} COLLATE NOCASE IN ({marks})", list(value)
    if condition.operation == "IS_SUBSTRING":
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{column} LIKE ? ESCAPE '\\'", [f"%{escaped}%"]
    return f"{column} {_COMPARISONS[condition.operation]} ? COLLATE NOCASE", [value]
