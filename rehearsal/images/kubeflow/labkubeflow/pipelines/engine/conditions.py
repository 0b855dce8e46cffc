"""Conditions and selectors of pipelines: expressions in CEL.

Contract: kubeflow/pipelines, backend/src/v2/expression/expression.go. A condition sees the task's inputs as
`inputs.parameter_values`; a selector sees the value as JSON text in `string_value`, and has `parseJson`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from labkubeflow.pipelines.engine.values import to_text, whole
from labkubeflow.pipelines.model import InvalidPipeline

# celpy is imported where it is needed: that takes seconds in an emulated guest, and many pipelines have no
# condition.


def check(expression: str, where: str) -> None:
    """Say whether an expression can be understood.

    Raises:
        InvalidPipeline: it cannot.
    """
    try:
        _program(expression)
    except ValueError as error:
        raise InvalidPipeline(f"{where}: {error}") from error


def holds(expression: str, parameters: Mapping[str, Any]) -> bool:
    """Return whether a condition is fulfilled by a task's input parameters.

    Raises:
        ValueError: it cannot be evaluated, or yields something else than true or false.
    """
    answer = _evaluate(expression, {"inputs": {"parameter_values": dict(parameters)}})
    if not isinstance(answer, bool):
        raise ValueError(f"the condition {expression!r} yields {answer!r} instead of true or false")
    return answer


def select(expression: str, value: Any) -> Any:
    """Return the part of a value that a selector names.

    Raises:
        ValueError: there is no such part.
    """
    return whole(_evaluate(expression, {"string_value": to_text(value)}))


@functools.cache
def _program(expression: str) -> Any:
    import celpy
    from celpy.celparser import CELParseError

    environment = celpy.Environment()
    try:
        tree = environment.compile(expression)
    except CELParseError as error:
        raise ValueError(f"the expression {expression!r} is not understood: {error}") from error
    return environment.program(tree, functions={"parseJson": _parse_json})


def _parse_json(text: Any) -> Any:
    return _to_cel(json.loads(str(text)))


def _to_cel(value: Any) -> Any:
    """Return a JSON value for CEL: all numbers are doubles there, as in protocol buffers."""
    from celpy import celtypes

    match value:
        case None:
            return None
        case bool():
            return celtypes.BoolType(value)
        case int() | float():
            return celtypes.DoubleType(value)
        case str():
            return celtypes.StringType(value)
        case list():
            return celtypes.ListType([_to_cel(item) for item in value])
        case dict():
            return celtypes.MapType({celtypes.StringType(key): _to_cel(item) for key, item in value.items()})
    raise ValueError(f"{value!r} is no JSON value")


def _from_cel(value: Any) -> Any:
    from celpy import celtypes

    match value:
        case celtypes.BoolType():
            return bool(value)
        case celtypes.StringType():
            return str(value)
        case celtypes.DoubleType():
            return float(value)
        case celtypes.IntType() | celtypes.UintType():
            return int(value)
        case celtypes.ListType():
            return [_from_cel(item) for item in value]
        case celtypes.MapType():
            return {str(key): _from_cel(item) for key, item in value.items()}
    return value


def _evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    from celpy.evaluation import CELEvalError

    try:
        activation = {name: _to_cel(value) for name, value in variables.items()}
        return _from_cel(_program(expression).evaluate(activation))
    except (CELEvalError, TypeError, ValueError) as error:
        reason = error.args[0] if error.args else error
        raise ValueError(f"the expression {expression!r} cannot be evaluated: {reason}") from error
