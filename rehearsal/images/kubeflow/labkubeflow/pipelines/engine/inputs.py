"""What a task gets: values from constants, from the DAG around it, and from its neighbours' outputs.

Contract: kubeflow/pipelines, backend/src/v2/driver/driver.go (`resolveInputs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labkubeflow.pipelines.engine import conditions
from labkubeflow.pipelines.engine.values import plain, to_text
from labkubeflow.pipelines.model import Values

_INPUT = re.compile(r"\{\{\$\.inputs\.parameters\['(?P<name>[^']*)'\]\}\}")
_WORD = re.compile(r"\{\{\$\.(?P<name>pipeline_[a-z_]+)\}\}")


class UnresolvedError(Exception):
    """A task's inputs cannot be had; the text says why."""


@dataclass(frozen=True)
class Surroundings:
    """What a task's inputs are made of.

    Attributes:
        inputs: of the DAG that the task is in.
        outputs: gives a finished neighbour's outputs, None if it has none.
        words: what `{{$.pipeline_job_uuid}}` and the like stand for.
    """

    inputs: Values
    outputs: Callable[[str], Values | None]
    words: Mapping[str, str]


def resolve(task: Any, component: Any, around: Surroundings, *, lenient: bool = False) -> Values:
    """Return a task's inputs.

    Args:
        task: its `PipelineTaskSpec`.
        component: the `ComponentSpec` that it runs.
        around: see there.
        lenient: whether inputs that a failed neighbour did not produce are left out.

    Raises:
        UnresolvedError: an input that is needed is not there.
    """
    values = Values()
    declared = component.input_definitions
    for name, source in task.inputs.parameters.items():
        found, value = _parameter(name, source, around, lenient)
        if found:
            values.parameters[name] = value
    for name, value in values.parameters.items():
        if task.inputs.parameters[name].HasField("runtime_value"):
            values.parameters[name] = _filled(value, values.parameters, around.words)
    for name, source in task.inputs.artifacts.items():
        artifacts = _artifacts(name, source, around, lenient)
        if artifacts is not None:
            values.artifacts[name] = artifacts
    for name, parameter in declared.parameters.items():
        if name in values.parameters:
            continue
        if parameter.HasField("default_value"):
            values.parameters[name] = plain(parameter.default_value)
        elif not parameter.is_optional and name != task.parameter_iterator.item_input:
            raise UnresolvedError(f"input parameter {name!r} has no value")
    for name, artifact in declared.artifacts.items():
        if name not in values.artifacts and not artifact.is_optional:
            raise UnresolvedError(f"input artifact {name!r} is missing")
    return values


def items_of(task: Any, inputs: Values) -> list[Any]:
    """Return what a loop goes over.

    Raises:
        UnresolvedError: that is not a list.
    """
    import json

    items = task.parameter_iterator.items
    if items.WhichOneof("kind") == "raw":
        try:
            value = json.loads(items.raw)
        except ValueError as error:
            raise UnresolvedError(f"the loop's items are no JSON: {error}") from error
    else:
        value = inputs.parameters.get(items.input_parameter)
    if isinstance(value, str):
        # A list that a step has declared as a text; upstream reads it too.
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UnresolvedError(f"the loop's items are no list: {error}") from error
    if not isinstance(value, list):
        raise UnresolvedError(f"the loop's items are no list but {value!r}")
    return value


def _parameter(name: str, source: Any, around: Surroundings, lenient: bool) -> tuple[bool, Any]:
    """Return whether there is a value, and the value."""
    match source.WhichOneof("kind"):
        case "runtime_value":
            return True, plain(source.runtime_value.constant)
        case "component_input_parameter":
            key = source.component_input_parameter
            if key not in around.inputs.parameters:
                return False, None  # an optional input of the DAG that nobody has given
            value = around.inputs.parameters[key]
        case "task_output_parameter":
            producer = source.task_output_parameter.producer_task
            key = source.task_output_parameter.output_parameter_key
            outputs = around.outputs(producer)
            if outputs is None or key not in outputs.parameters:
                if lenient:
                    return False, None
                raise UnresolvedError(f"input parameter {name!r}: task {producer!r} has no output {key!r}")
            value = outputs.parameters[key]
        case kind:
            raise UnresolvedError(f"input parameter {name!r} has no source ({kind})")
    if source.parameter_expression_selector:
        try:
            return True, conditions.select(source.parameter_expression_selector, value)
        except ValueError as error:
            raise UnresolvedError(f"input parameter {name!r}: {error}") from error
    return True, value


def _artifacts(name: str, source: Any, around: Surroundings, lenient: bool) -> Any:
    if source.WhichOneof("kind") == "component_input_artifact":
        return around.inputs.artifacts.get(source.component_input_artifact)
    producer = source.task_output_artifact.producer_task
    key = source.task_output_artifact.output_artifact_key
    outputs = around.outputs(producer)
    if outputs is None or key not in outputs.artifacts:
        if lenient:
            return None
        raise UnresolvedError(f"input artifact {name!r}: task {producer!r} has no output {key!r}")
    return outputs.artifacts[key]


def _filled(value: Any, parameters: Mapping[str, Any], words: Mapping[str, str]) -> Any:
    """Return a constant with its placeholders filled in, at any depth."""
    if isinstance(value, list):
        return [_filled(item, parameters, words) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, parameters, words) for key, item in value.items()}
    if not isinstance(value, str):
        return value

    def parameter(match: re.Match[str]) -> str:
        if match["name"] not in parameters:
            raise UnresolvedError(f"the placeholder {match[0]} stands for nothing")
        return to_text(parameters[match["name"]])

    def word(match: re.Match[str]) -> str:
        if match["name"] not in words:
            raise UnresolvedError(f"the placeholder {match[0]} is not supported")
        return words[match["name"]]

    return _WORD.sub(word, _INPUT.sub(parameter, value))
