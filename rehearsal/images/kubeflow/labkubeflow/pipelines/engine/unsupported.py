"""What a valid pipeline may ask for and this engine cannot do: refused when the pipeline is handed in.

References that lead nowhere are refused here too, so that the rest of the engine may rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labkubeflow.pipelines.engine import conditions
from labkubeflow.pipelines.model import InvalidPipeline


def refuse(root: Any, components: Mapping[str, Any], executors: Mapping[str, Any]) -> None:
    """Look through a pipeline.

    Raises:
        InvalidPipeline: something in it is not supported, or refers to what is not there.
    """
    for name, component in {"root": root, **components}.items():
        _component(name, component, components, executors)
    _nesting({name: _parts(component) for name, component in components.items()})


def _component(
    name: str, component: Any, components: Mapping[str, Any], executors: Mapping[str, Any]
) -> None:
    for key, artifact in component.input_definitions.artifacts.items():
        if artifact.is_artifact_list:
            raise _not_supported(name, f"input {key!r} is a list of artifacts")
    for key, artifact in component.output_definitions.artifacts.items():
        if artifact.is_artifact_list:
            raise _not_supported(name, f"output {key!r} is a list of artifacts (dsl.Collected)")
    if not component.HasField("dag"):
        _executor(name, component.executor_label, executors)
        return
    for task_name, task in component.dag.tasks.items():
        where = f"{name}: task {task_name!r}"
        _task(where, task, component)
        target = task.component_ref.name
        if target not in components:
            raise InvalidPipeline(f"{where}: there is no component {target!r}")
    _order(name, component.dag)
    _outputs(name, component)


def _executor(name: str, label: str, executors: Mapping[str, Any]) -> None:
    if label not in executors:
        raise InvalidPipeline(f"component {name!r}: there is no executor {label!r}")
    executor = executors[label]
    kind = executor.WhichOneof("spec")
    if kind != "container":
        titles = {"importer": "dsl.importer", "resolver": "a resolver", "custom_job": "a custom job"}
        raise _not_supported(name, f"its executor is {titles.get(str(kind), 'empty')}")
    if executor.container.HasField("lifecycle"):
        raise _not_supported(name, "a lifecycle of the container")
    if not executor.container.image:
        raise InvalidPipeline(f"component {name!r}: its container has no image")


def _task(where: str, task: Any, component: Any) -> None:
    if task.HasField("artifact_iterator"):
        raise _not_supported(where, "a loop over artifacts")
    if task.HasField("parameter_iterator"):
        items = task.parameter_iterator.items
        if items.WhichOneof("kind") is None:
            raise InvalidPipeline(f"{where}: its loop has no items")
    for name, value in task.inputs.parameters.items():
        kind = value.WhichOneof("kind")
        what = f"input {name!r}"
        if kind == "task_final_status":
            raise _not_supported(where, f"{what} is the final status of another task")
        if kind == "runtime_value" and value.runtime_value.WhichOneof("value") != "constant":
            raise _not_supported(where, f"{what} is not given by the field 'constant'")
        if kind == "component_input_parameter":
            source = value.component_input_parameter
            if source not in component.input_definitions.parameters:
                raise InvalidPipeline(f"{where}: {what}: there is no parameter {source!r}")
        if value.parameter_expression_selector:
            conditions.check(value.parameter_expression_selector, f"{where}: {what}")
    for name, value in task.inputs.artifacts.items():
        source = value.component_input_artifact
        if source and source not in component.input_definitions.artifacts:
            raise InvalidPipeline(f"{where}: input {name!r}: there is no artifact {source!r}")
    if task.trigger_policy.condition:
        conditions.check(task.trigger_policy.condition, where)


def upstream(task: Any) -> Iterator[str]:
    """Yield the tasks of the same DAG that a task must wait for; some come more than once."""
    yield from task.dependent_tasks
    for value in task.inputs.parameters.values():
        if value.HasField("task_output_parameter"):
            yield value.task_output_parameter.producer_task
    for value in task.inputs.artifacts.values():
        if value.HasField("task_output_artifact"):
            yield value.task_output_artifact.producer_task


def _parts(component: Any) -> set[str]:
    return {task.component_ref.name for task in component.dag.tasks.values()}


def _nesting(parts: dict[str, set[str]]) -> None:
    if circle := _circle(parts):
        raise InvalidPipeline(f"these components contain each other: {', '.join(circle)}")


def _order(name: str, dag: Any) -> None:
    """Refuse tasks that wait for unknown ones, or in a circle."""
    waiting = {task_name: set(upstream(task)) for task_name, task in dag.tasks.items()}
    for task_name, others in waiting.items():
        for other in sorted(others - set(waiting)):
            raise InvalidPipeline(f"{name}: task {task_name!r} waits for {other!r}, which is not there")
    if circle := _circle(waiting):
        raise InvalidPipeline(f"{name}: these tasks wait for each other: {', '.join(circle)}")


def _circle(needs: dict[str, set[str]]) -> list[str]:
    """Return what is left when all that needs nothing (more) has been taken away."""
    left = dict(needs)
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    return sorted(left)


def _outputs(name: str, component: Any) -> None:
    outputs = component.dag.outputs
    producers: list[str] = []
    for key, parameter in outputs.parameters.items():
        if not parameter.HasField("value_from_parameter"):
            raise _not_supported(name, f"output {key!r} is one of several (dsl.OneOf)")
        producers.append(parameter.value_from_parameter.producer_subtask)
    for key, artifact in outputs.artifacts.items():
        if len(artifact.artifact_selectors) != 1:
            raise _not_supported(name, f"output {key!r} is one of several (dsl.OneOf)")
        producers.append(artifact.artifact_selectors[0].producer_subtask)
    for producer in producers:
        if producer not in component.dag.tasks:
            raise InvalidPipeline(f"{name}: an output comes from {producer!r}, which is not there")
        if component.dag.tasks[producer].HasField("parameter_iterator"):
            raise _not_supported(name, "outputs of a loop (dsl.Collected)")


def _not_supported(where: str, what: str) -> InvalidPipeline:
    return InvalidPipeline(f"not supported in this lab: {where}: {what}")
