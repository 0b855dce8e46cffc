"""Label selectors, as Kubernetes matches them (kubernetes/apimachinery, pkg/apis/meta/v1 helpers.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SelectorError(Exception):
    """A selector makes no sense."""


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether labels are what a selector asks for; an empty selector matches all.

    Args:
        selector: with `matchLabels` and `matchExpressions`.
        labels: of a pod.

    Raises:
        SelectorError: an expression has an operator that there is not, or no values, or too many.
    """
    wanted = selector.get("matchLabels") or {}
    # All expressions are looked at, for one that makes no sense is refused whatever the others say.
    held = [_holds(expression, labels) for expression in selector.get("matchExpressions") or ()]
    return all(labels.get(key) == value for key, value in wanted.items()) and all(held)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key: str = expression["key"]
    operator: str = expression["operator"]
    values: Sequence[str] = expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            raise SelectorError(f"for 'in', 'notin' operators, values set can't be empty: {key}")
        return (labels.get(key) in values) == (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        if values:
            raise SelectorError(f"values set must be empty for exists and does not exist: {key}")
        return (key in labels) == (operator == "Exists")
    raise SelectorError(f'"{operator}" is not a valid pod selector operator')
