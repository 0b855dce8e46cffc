"""What a list request asks for: page size, page token, order and filter.

See `labkubeflow.pipelines.store.listing` for what they mean. A page token holds the whole question, as
upstream's does; asking something else with it is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from labkubeflow.pipelines.api.errors import ApiError, invalid
from labkubeflow.pipelines.api.messages import pruned, read, seconds
from labkubeflow.pipelines.model import JsonObject
from labkubeflow.pipelines.store.listing import TIMES, Condition, Item, Page, Query

DEFAULT_SIZE = 20
LARGEST_SIZE = 200

PARAMETERS = ("page_token", "page_size", "sort_by", "filter")

EXPERIMENT_FIELDS = {
    "experiment_id": "id",
    "display_name": "name",
    "created_at": "created_at",
    "description": "description",
    "namespace": "namespace",
    "storage_state": "storage_state",
    "id": "id",
    "name": "name",
}
PIPELINE_FIELDS = {
    "pipeline_id": "id",
    "display_name": "display_name",
    "created_at": "created_at",
    "description": "description",
    "namespace": "namespace",
    "id": "id",
    "name": "name",
}
VERSION_FIELDS = {
    "pipeline_version_id": "id",
    "display_name": "display_name",
    "created_at": "created_at",
    "description": "description",
    "pipeline_id": "pipeline_id",
    "id": "id",
    "name": "name",
}
RUN_FIELDS = {
    "run_id": "id",
    "display_name": "name",
    "created_at": "created_at",
    "finished_at": "finished_at",
    "description": "description",
    "scheduled_at": "scheduled_at",
    "storage_state": "storage_state",
    "namespace": "namespace",
    "experiment_id": "experiment_id",
    "state": "state",
    "recurring_run_id": "recurring_run_id",
    "id": "id",
    "name": "name",
}
RECURRING_RUN_FIELDS = {
    "recurring_run_id": "id",
    "display_name": "name",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "description": "description",
    "namespace": "namespace",
    "experiment_id": "experiment_id",
    "pipeline_id": "pipeline_id",
    "pipeline_version_id": "pipeline_version_id",
    "id": "id",
    "name": "name",
}

_NUMBERS = ("int_value", "long_value")
_LISTS = ("int_values", "long_values", "string_values")


def read_query(parameters: Mapping[str, str], fields: Mapping[str, str]) -> Query:
    """Return what the parameters of a list request ask for.

    Args:
        parameters: of the request's address.
        fields: names of the API with their columns: what can be sorted and filtered by.

    Raises:
        ApiError: they ask for what cannot be.
    """
    sort, descending = _order(parameters.get("sort_by", ""), fields)
    asked = parameters.get("filter", "")
    question = [sort, descending, asked]
    again = bool(parameters.get("sort_by") or asked)
    start = _start(parameters.get("page_token", ""), question, again, fields.values())
    if start is not None:
        sort, descending, asked = start["question"]
    return Query(
        conditions=_conditions(asked, fields),
        sort=sort,
        descending=descending,
        size=_size(parameters.get("page_size", "")),
        start=None if start is None else (start["value"], start["key"]),
    )


def answer_of(
    name: str,
    page: Page[Item],
    answer: Callable[[Item], JsonObject],
    query: Query,
    parameters: Mapping[str, str],
) -> JsonObject:
    """Return the answer to a list request.

    Args:
        name: of the list in the answer, such as ``runs``.
        page: what was found.
        answer: renders one item.
        query: what was asked for.
        parameters: of the request.
    """
    return pruned(
        {
            name: [answer(item) for item in page.items],
            "total_size": page.total,
            "next_page_token": _token_of(page, query, parameters),
        }
    )


def _token_of(page: Page[Any], query: Query, parameters: Mapping[str, str]) -> str:
    """Return the token that asks for the next page; empty after the last one."""
    if page.following is None:
        return ""
    earlier = parameters.get("page_token", "")
    asked = _decode(earlier)["question"][2] if earlier else parameters.get("filter", "")
    value, key = page.following
    token = {"question": [query.sort, query.descending, asked], "value": value, "key": key}
    return base64.b64encode(json.dumps(token).encode()).decode()


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError:
        raise invalid(f"page_size is not a number: {text!r}") from None
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {size}")
    return min(size or DEFAULT_SIZE, LARGEST_SIZE)


def _order(text: str, fields: Mapping[str, str]) -> tuple[str, bool]:
    words = text.lower().split()
    if len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
        raise invalid(
            f'Received invalid sort by format "{text}". Supported format: "field_name", "field_name desc", '
            'or "field_name asc"'
        )
    if not words:
        return "created_at", False
    if words[0] not in fields:
        raise invalid(f'Invalid sorting field: "{words[0]}"')
    return fields[words[0]], words[1:] == ["desc"]


def _start(token: str, question: list[Any], asked: bool, columns: Iterable[str]) -> JsonObject | None:
    if not token:
        return None
    found = _decode(token)
    if found["question"][0] not in columns:
        raise invalid("Invalid page token")
    if asked and found["question"] != question:
        raise invalid("page token does not match the supplied sort by and/or filtering criteria")
    return found


def _decode(token: str) -> JsonObject:
    try:
        found: JsonObject = json.loads(base64.b64decode(token, validate=True))
        sort, descending, asked = found["question"]
        sound = isinstance(sort, str) and isinstance(descending, bool) and isinstance(asked, str)
        if not sound or not isinstance(found["key"], str) or isinstance(found["value"], dict | list):
            raise ValueError("not one of ours")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise invalid("Invalid page token") from error
    return found


def _conditions(text: str, fields: Mapping[str, str]) -> tuple[Condition, ...]:
    if not text:
        return ()
    try:
        data = json.loads(text)
    except ValueError as error:
        raise invalid(f"Failed to parse the filter: {error}") from error
    return tuple(_condition(item, fields) for item in read("Filter", data).get("predicates", []))


def _condition(item: JsonObject, fields: Mapping[str, str]) -> Condition:
    operation, key = item.get("operation", ""), item.get("key", "")
    if not operation:
        raise invalid("invalid predicate operation: OPERATION_UNSPECIFIED")
    if key not in fields:
        raise invalid(f'no support for filtering on unrecognized field "{key}"')
    values = [name for name in item if name not in ("operation", "key")]
    if len(values) != 1:
        raise invalid(f'a predicate has one value, that on "{key}" has {len(values)}')
    value = _value(values[0], item[values[0]])
    if (operation == "IN") != isinstance(value, list):
        raise invalid(f"cannot use operator {operation} with {values[0]}")
    if operation == "IS_SUBSTRING" and values[0] != "string_value":
        raise invalid(f"cannot use non string value type {values[0]} with operator IS_SUBSTRING")
    if fields[key] in TIMES and isinstance(value, str):
        raise _not_a_time(key)
    return Condition(fields[key], operation, value)


def _value(kind: str, found: Any) -> Any:
    if kind in _NUMBERS:
        return int(found)
    if kind == "timestamp_value":
        return int(seconds(found))
    if kind in _LISTS:
        items = found.get("values", [])
        return items if kind == "string_values" else [int(item) for item in items]
    return found


def _not_a_time(key: str) -> ApiError:
    return invalid(f'"{key}" is a time: compare it with timestamp_value or long_value')
