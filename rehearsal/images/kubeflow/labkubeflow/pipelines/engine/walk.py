"""One look at a run: what its pods tell is noted, and what can begin is begun.

Each call of `Walk.advance` goes over the whole tree of tasks, and may be made at any time: it does nothing
twice. So an engine that was killed goes on with the next call.

As upstream's workflows do it: a task whose condition does not hold is SKIPPED, and so is what waits for it;
after a failure nothing more of the same DAG begins (but for tasks that wait for completion only), and
what runs may end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkubeflow.pipelines.engine import conditions, inputs, names
from labkubeflow.pipelines.engine.spec import Pipeline
from labkubeflow.pipelines.engine.steps import Steps
from labkubeflow.pipelines.engine.tree import Tree
from labkubeflow.pipelines.engine.unsupported import upstream
from labkubeflow.pipelines.model import State, TaskDetail, Values


class Walk:
    """Advances a run.

    Args:
        pipeline: what it runs.
        tree: how far it is.
        steps: runs components.
        words: what `{{$.pipeline_job_uuid}}` and the like stand for.
    """

    def __init__(self, pipeline: Pipeline, tree: Tree, steps: Steps, words: dict[str, str]) -> None:
        self._pipeline = pipeline
        self._tree = tree
        self._steps = steps
        self._words = words

    def advance(self, parameters: Callable[[], dict[str, Any]]) -> TaskDetail:
        """Go over the tree; return its root.

        Args:
            parameters: gives the values of the pipeline's inputs; called when the run begins.

        Raises:
            OSError: cluster or object store could not be reached; what was noted until then is right.
        """
        root = self._tree.find("")
        if root is None:
            root = self._tree.add("", "root", None)
            root.inputs = Values(parameters())
            self._tree.move(root, State.RUNNING)
        if not root.state.final:
            self._dag(root, self._pipeline.root)
        return root

    def _dag(self, node: TaskDetail, component: Any) -> None:
        tasks = component.dag.tasks
        ended = True
        while ended:
            # What has ended, or was skipped, may let others begin.
            ended = False
            for name in sorted(tasks):
                ended |= self._child(node, tasks, name)
        children = [self._tree.find(names.child_path(node.path, name)) for name in tasks]
        begun = [child for child in children if child is not None]
        if not all(child.state.final for child in begun):
            return
        if failed := [child for child in begun if child.state is State.FAILED]:
            self._tree.move(node, State.FAILED, self._tree.cause(failed[0]))
        elif len(begun) == len(children):
            node.outputs = self._outputs(node, component)
            self._tree.move(node, State.SUCCEEDED)

    def _outputs(self, node: TaskDetail, component: Any) -> Values:
        """Return a DAG's outputs. What a skipped task would have made is left out."""
        values = Values()
        declared = component.dag.outputs
        for name, selector in declared.parameters.items():
            source = selector.value_from_parameter
            found = self._neighbour(node, source.producer_subtask)
            if found is not None and source.output_parameter_key in found.parameters:
                values.parameters[name] = found.parameters[source.output_parameter_key]
        for name, selector in declared.artifacts.items():
            source = selector.artifact_selectors[0]
            found = self._neighbour(node, source.producer_subtask)
            if found is not None and source.output_artifact_key in found.artifacts:
                values.artifacts[name] = found.artifacts[source.output_artifact_key]
        return values

    def _neighbour(self, node: TaskDetail, name: str) -> Values | None:
        task = self._tree.find(names.child_path(node.path, name))
        return task.outputs if task is not None and task.state is State.SUCCEEDED else None

    def _child(self, node: TaskDetail, tasks: Any, name: str) -> bool:
        """Advance one task of a DAG; return whether it has ended just now."""
        task = tasks[name]
        component = self._pipeline.components[task.component_ref.name]
        child = self._tree.find(names.child_path(node.path, name))
        if child is None:
            child = self._begin(node, tasks, name, component)
            if child is None:
                return False
        elif child.state.final:
            return False
        if not child.state.final:
            if task.HasField("parameter_iterator"):
                self._loop(child, task, component)
            else:
                self._instance(child, task, component)
        return child.state.final

    def _begin(self, node: TaskDetail, tasks: Any, name: str, component: Any) -> TaskDetail | None:
        """Return a task that can begin (or is skipped, or has failed at once), None if it cannot yet."""
        task = tasks[name]
        others = [self._tree.find(names.child_path(node.path, other)) for other in set(upstream(task))]
        policy = task.trigger_policy
        always = policy.strategy == type(policy).ALL_UPSTREAM_TASKS_COMPLETED
        if always:
            if not self._settled(node, tasks, set(upstream(task))):
                return None
        elif self._failed(node, tasks) or any(other is None or not other.state.final for other in others):
            return None
        path = names.child_path(node.path, name)
        if not always and any(other is not None and other.state is not State.SUCCEEDED for other in others):
            child = self._tree.add(path, name, node)
            self._tree.move(child, State.SKIPPED)
            return child
        child = self._tree.add(path, name, node)
        around = inputs.Surroundings(
            node.inputs,
            lambda other: self._neighbour(node, other),
            {**self._words, "pipeline_task_name": name, "pipeline_task_uuid": child.task_id},
        )
        try:
            child.inputs = inputs.resolve(task, component, around, lenient=always)
            holds = not policy.condition or conditions.holds(policy.condition, child.inputs.parameters)
        except (inputs.UnresolvedError, ValueError) as error:
            self._tree.move(child, State.FAILED, str(error))
            return child
        self._tree.move(child, State.RUNNING if holds else State.SKIPPED)
        return child

    def _settled(self, node: TaskDetail, tasks: Any, others: set[str]) -> bool:
        """Return whether tasks have ended, or will never begin since another one has failed."""
        found = [self._tree.find(names.child_path(node.path, other)) for other in others]
        if self._failed(node, tasks):
            return all(task is None or task.state.final for task in found)
        return all(task is not None and task.state.final for task in found)

    def _failed(self, node: TaskDetail, tasks: Any) -> bool:
        found = (self._tree.find(names.child_path(node.path, name)) for name in tasks)
        return any(task is not None and task.state is State.FAILED for task in found)

    def _loop(self, node: TaskDetail, task: Any, component: Any) -> None:
        try:
            items = inputs.items_of(task, node.inputs)
        except inputs.UnresolvedError as error:
            self._tree.move(node, State.FAILED, str(error))
            return
        limit = task.iterator_policy.parallelism_limit or len(items)
        rounds = [self._tree.find(f"{node.path}[{index}]") for index in range(len(items))]
        running = sum(found is not None and not found.state.final for found in rounds)
        for index, item in enumerate(items):
            found = rounds[index]
            if found is None:
                if running >= limit or any(other and other.state is State.FAILED for other in rounds):
                    break
                found = rounds[index] = self._tree.add(
                    f"{node.path}[{index}]", f"{node.display_name}[{index}]", node
                )
                parameters = {**node.inputs.parameters, task.parameter_iterator.item_input: item}
                found.inputs = Values(parameters, dict(node.inputs.artifacts))
                self._tree.move(found, State.RUNNING)
                running += 1
            if not found.state.final:
                self._instance(found, task, component)
                running -= found.state.final
        if any(found is not None and not found.state.final for found in rounds):
            return
        if failed := [found for found in rounds if found is not None and found.state is State.FAILED]:
            self._tree.move(node, State.FAILED, self._tree.cause(failed[0]))
        else:
            self._tree.move(node, State.SUCCEEDED)

    def _instance(self, node: TaskDetail, task: Any, component: Any) -> None:
        """Advance a task, or one round of a loop."""
        if component.HasField("dag"):
            self._dag(node, component)
        else:
            self._steps.advance(node, task, component)
