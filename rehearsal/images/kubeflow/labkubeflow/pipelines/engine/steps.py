"""Components: taken from the cache, or run as a pod, again after a failure if the pipeline says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkubeflow.pipelines.engine import cache, names, outcome, pods
from labkubeflow.pipelines.engine.kubernetes_config import KubernetesConfig
from labkubeflow.pipelines.engine.placeholders import StepFiles, UnknownPlaceholderError
from labkubeflow.pipelines.engine.pod_mirror import PodMirror
from labkubeflow.pipelines.engine.ports import Kube, Objects
from labkubeflow.pipelines.engine.spec import Pipeline
from labkubeflow.pipelines.engine.tree import Tree
from labkubeflow.pipelines.model import Artifact, CacheEntry, State, Store, TaskDetail

EXECUTOR = "executor"
QUOTA_SECONDS = 10.0
"""After a pod was refused for the namespace's quota it is tried again so much later."""
LIMIT_LOST = 1
"""So often a step is run again whose pod vanished before it had ended; what it had written is lost."""
BACKOFF_FACTOR = 2.0
"""Of a retry policy that names none."""


@dataclass(frozen=True)
class Surroundings:
    """What steps work with."""

    kube: Kube
    mirror: PodMirror
    objects: Objects
    store: Store
    settings: pods.StepSettings


class Steps:
    """Runs the components of one run.

    Args:
        pipeline: what is run.
        tree: how far it is.
        root: URI below which its artifacts go.
        words: what `{{$.pipeline_job_uuid}}` and the like stand for.
        around: see there.
        save: writes the tree into the store.

    Attributes:
        wake_at: when something is to be looked at again, even if nothing happens; 0 for never.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        tree: Tree,
        root: str,
        words: dict[str, str],
        around: Surroundings,
        save: Callable[[], None],
    ) -> None:
        self.wake_at = 0.0
        self._pipeline = pipeline
        self._tree = tree
        self._request = tree.record.request
        self._root = root
        self._words = words
        self._around = around
        self._save = save

    def advance(self, node: TaskDetail, task: Any, component: Any) -> None:
        """Look after one component.

        Args:
            node: its task, which is RUNNING.
            task: the `PipelineTaskSpec`.
            component: the `ComponentSpec`.

        Raises:
            OSError: cluster or object store could not be reached.
        """
        path = names.child_path(node.path, EXECUTOR)
        executor = self._tree.find(path)
        if executor is None:
            executor = self._tree.add(path, EXECUTOR, node)
            executor.inputs = node.inputs
            if self._from_cache(executor, task, component):
                self._end(node, executor)
                return
        if not executor.state.final:
            self._attempt(node, executor, task, component)
        if executor.state.final:
            self._end(node, executor)

    def _end(self, node: TaskDetail, executor: TaskDetail) -> None:
        node.outputs, node.cached = executor.outputs, executor.cached
        if executor.state is State.FAILED:
            self._tree.move(node, State.FAILED, executor.error)
        else:
            self._tree.move(node, State.SUCCEEDED)

    def _from_cache(self, executor: TaskDetail, task: Any, component: Any) -> bool:
        if not task.caching_options.enable_cache:
            return False
        container = self._pipeline.executors[component.executor_label].container
        executor.fingerprint = cache.fingerprint(component, container, executor.inputs)
        namespace = self._request.namespace
        entry = self._around.store.find_cached(namespace, self._pipeline.name, executor.fingerprint)
        if entry is None:
            return False
        executor.outputs, executor.cached = entry.outputs, True
        self._tree.move(executor, State.SKIPPED)
        return True

    def _attempt(self, node: TaskDetail, executor: TaskDetail, task: Any, component: Any) -> None:
        planned = self._planned(node, component)
        if not executor.pod_name and not self._create(node, executor, component, planned):
            return
        pod = self._around.mirror.find(self._request.namespace, executor.pod_name)
        match outcome.of_pod(pod, self._around.objects):
            case outcome.Waiting():
                self._tree.move(executor, State.PENDING)
            case outcome.Working():
                self._tree.move(executor, State.RUNNING)
            case outcome.Lost():
                self._lost(executor)
            case outcome.Failed(message):
                self._failed(executor, task, message)
            case outcome.Succeeded(result):
                try:
                    executor.outputs = outcome.outputs_of(component, planned, result)
                except ValueError as error:
                    self._failed(executor, task, str(error))
                    return
                self._tree.move(executor, State.SUCCEEDED)
                self._keep(executor)

    def _keep(self, executor: TaskDetail) -> None:
        if executor.fingerprint:
            entry = CacheEntry(self._request.run_id, executor.task_id, executor.outputs)
            self._around.store.put_cached(
                self._request.namespace, self._pipeline.name, executor.fingerprint, entry
            )

    def _create(
        self, node: TaskDetail, executor: TaskDetail, component: Any, planned: dict[str, Artifact]
    ) -> bool:
        """Make a step's pod; return whether there is one now."""
        if executor.retry_at > self._tree.now():
            self._wake(executor.retry_at)
            return False
        request = self._request
        name = names.pod_name(
            self._pipeline.name, request.run_id, executor.path, executor.attempt, executor.lost
        )
        result = f"executor-result-{executor.attempt}-{executor.lost}.json"
        parameters = component.input_definitions.parameters
        step = pods.Step(
            name=name,
            namespace=request.namespace,
            service_account=request.service_account,
            run_id=request.run_id,
            task_name=node.path,
            container=self._pipeline.executors[component.executor_label].container,
            files=StepFiles(executor.inputs, planned, tuple(component.output_definitions.parameters)),
            result_uri=self._uri(node, result),
            kubernetes=self._pipeline.kubernetes.get(component.executor_label, KubernetesConfig()),
            words={
                **self._words,
                "pipeline_task_name": node.display_name,
                "pipeline_task_uuid": node.task_id,
            },
            optional=tuple(name for name, declared in parameters.items() if declared.is_optional),
        )
        # If the engine is killed now, the next one finds the pod by its name.
        self._save()
        try:
            pod = self._around.kube.create(pods.build(step, self._around.settings))
        except PermissionError as error:
            if "exceeded quota" in str(error):
                self._wake(self._tree.now() + QUOTA_SECONDS)
            else:
                self._tree.move(executor, State.FAILED, f"the pod was refused: {error}")
            return False
        except (UnknownPlaceholderError, ValueError) as error:
            self._tree.move(executor, State.FAILED, str(error))
            return False
        self._around.mirror.add(pod)
        executor.pod_name = name
        self._tree.changed = True
        return True

    def _planned(self, node: TaskDetail, component: Any) -> dict[str, Artifact]:
        found = {}
        for name, declared in component.output_definitions.artifacts.items():
            title = declared.artifact_type.schema_title or declared.artifact_type.instance_schema
            found[name] = Artifact(name, self._uri(node, name), title or "system.Artifact")
        return found

    def _uri(self, node: TaskDetail, name: str) -> str:
        return names.artifact_uri(self._root, self._pipeline.name, self._request.run_id, node.path, name)

    def _lost(self, executor: TaskDetail) -> None:
        if executor.lost >= LIMIT_LOST:
            self._tree.move(executor, State.FAILED, f"its pod {executor.pod_name} was deleted")
            return
        executor.lost += 1
        self._again(executor, self._tree.now())

    def _failed(self, executor: TaskDetail, task: Any, message: str) -> None:
        policy = task.retry_policy
        if executor.attempt >= policy.max_retry_count:
            self._tree.move(executor, State.FAILED, message)
            return
        factor = policy.backoff_factor or BACKOFF_FACTOR
        wait = policy.backoff_duration.ToTimedelta().total_seconds() * factor**executor.attempt
        if policy.HasField("backoff_max_duration"):
            wait = min(wait, policy.backoff_max_duration.ToTimedelta().total_seconds())
        executor.attempt += 1
        self._again(executor, self._tree.now() + wait)

    def _again(self, executor: TaskDetail, not_before: float) -> None:
        executor.pod_name = ""
        executor.retry_at = not_before
        self._tree.move(executor, State.PENDING)
        self._tree.changed = True
        self._wake(not_before)

    def _wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at) if self.wake_at else at
