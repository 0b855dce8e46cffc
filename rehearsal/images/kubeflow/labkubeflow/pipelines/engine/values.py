"""Values of parameters: between protocol buffers, JSON, text and CEL's eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from labkubeflow.pipelines.model import InvalidPipeline

_TYPES = pipeline_spec_pb2.ParameterType
_NAMES: Mapping[int, str] = {number: name for name, number in _TYPES.ParameterTypeEnum.items()}
TRUE, FALSE = {"1", "t", "true"}, {"0", "f", "false"}
"""What is read as a Boolean value, in small letters, as Go's `strconv.ParseBool` has it."""


def plain(value: Any) -> Any:
    """Return a `google.protobuf.Value` as plain JSON. Numbers without a fraction are whole."""
    return whole(json_format.MessageToDict(value))


def whole(value: Any) -> Any:
    """Return a JSON value in which numbers without a fraction are integers.

    A protocol buffer's `Value` knows one kind of number only; upstream writes 3.0 as 3.
    """
    match value:
        case bool() | None | str() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case Mapping():
            return {str(key): whole(item) for key, item in value.items()}
        case Sequence():
            return [whole(item) for item in value]
    raise InvalidPipeline(f"{value!r} is no JSON value")


def to_text(value: Any) -> str:
    """Return a value as a command line shows it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(whole(value), separators=(",", ":"))


def from_text(parameter_type: int, text: str) -> Any:
    """Return the value that a step has written into the file of an output parameter.

    Raises:
        ValueError: the text is no such value.
    """
    name = _NAMES.get(parameter_type, "")
    match name:
        case "STRING":
            return text
        case "NUMBER_INTEGER" | "NUMBER_DOUBLE":
            return whole(float(text))
        case "BOOLEAN":
            if text.strip().lower() in TRUE | FALSE:
                return text.strip().lower() in TRUE
            raise ValueError(f"{text!r} is neither true nor false")
        case "LIST" | "STRUCT":
            value = json.loads(text)
            if not isinstance(value, list if name == "LIST" else dict):
                raise ValueError(f"{text!r} is no {name.lower()}")
            return whole(value)
    raise ValueError(f"parameters of type {name or parameter_type} cannot be read")


def check_type(parameter_type: int, value: Any, what: str) -> None:
    """Compare a value with the type that is declared for it.

    Raises:
        InvalidPipeline: it is of another one.
    """
    name = _NAMES.get(parameter_type, "")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "STRING": isinstance(value, str),
        "NUMBER_INTEGER": number and float(value).is_integer() if number else False,
        "NUMBER_DOUBLE": number,
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }
    if name not in fits:
        raise InvalidPipeline(f"{what} has the type {name or parameter_type}, which is not supported")
    if not fits[name]:
        raise InvalidPipeline(f"{what} must be of type {name}, not {json.dumps(value)}")
