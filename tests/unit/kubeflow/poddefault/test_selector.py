"""Which labels a selector selects."""

from __future__ import annotations

from typing import Any

import pytest
from labkubeflow.poddefault.selector import SelectorError, matches

LABELS = {"a": "1", "b": "2"}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "3"}}, False),
        ({"matchLabels": {"c": ""}}, False),
        (expression("a", "In", "0", "1"), True),
        (expression("c", "In", "0"), False),
        (expression("a", "NotIn", "1"), False),
        (expression("c", "NotIn", "1"), True),
        (expression("a", "Exists"), True),
        (expression("c", "Exists"), False),
        (expression("a", "DoesNotExist"), False),
        (expression("c", "DoesNotExist"), True),
        ({"matchLabels": {"a": "1"}, **expression("b", "DoesNotExist")}, False),
    ],
)
def test_selection(selector: dict[str, Any], expected: bool) -> None:
    assert matches(selector, LABELS) is expected


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (expression("a", "Like", "1"), '"Like" is not a valid'),
        (expression("a", "In"), "can't be empty"),
        (expression("a", "Exists", "1"), "must be empty"),
        ({"matchLabels": {"a": "other"}, **expression("a", "In")}, "can't be empty"),
    ],
)
def test_what_makes_no_sense_is_an_error(selector: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectorError, match=message):
        matches(selector, LABELS)
