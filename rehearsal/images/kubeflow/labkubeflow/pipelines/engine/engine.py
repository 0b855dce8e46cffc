"""The engine as others see it: a thread that looks after runs whenever something has happened to them."""

from __future__ import annotations

import functools
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from labkubeflow.pipelines.engine import pods, spec
from labkubeflow.pipelines.engine.pod_mirror import PodMirror
from labkubeflow.pipelines.engine.ports import Kube, Objects, Pod
from labkubeflow.pipelines.engine.spec import Pipeline
from labkubeflow.pipelines.engine.steps import Steps, Surroundings
from labkubeflow.pipelines.engine.tree import Tree
from labkubeflow.pipelines.engine.walk import Walk
from labkubeflow.pipelines.model import InvalidPipeline, RunRecord, State, Store, UnknownRun

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 3.0
"""After cluster, object store or disk could not be reached a run is looked at again so much later."""
STOP_SECONDS = 10.0


class Engine:
    """Runs pipelines. Its methods may be called from any thread, and return at once.

    Args:
        kube: the cluster's pods.
        objects: the object store, to read what steps have written.
        store: where runs are kept.
        settings: what all steps have in common.
        clock: tells the time, in seconds since 1970.
    """

    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        store: Store,
        settings: pods.StepSettings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._kube = kube
        self._clock = clock
        self._mirror = PodMirror(kube, self._note)
        self._around = Surroundings(kube, self._mirror, objects, store, settings or pods.StepSettings())
        self._due: dict[str, float] = {}
        self._forgotten: set[str] = set()
        self._condition = threading.Condition()
        self._at_work = threading.RLock()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    @staticmethod
    def validate(
        pipeline_spec: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, root: str = ""
    ) -> None:
        """Say whether a compiled pipeline can be run.

        Args:
            pipeline_spec: see `RunRequest.pipeline_spec`.
            parameters: if given, these are compared with the pipeline's inputs as well.
            root: `RunRequest.pipeline_root`.

        Raises:
            InvalidPipeline: it cannot; the text says why.
        """
        pipeline = spec.read(pipeline_spec)
        spec.root_uri(pipeline, root)
        if parameters is not None:
            spec.run_inputs(pipeline, parameters)

    def resume(self) -> None:
        """Start, and go on with all runs that are not finished. Call it once, before the others."""
        for run_id in self._store.unfinished():
            self._note(run_id)
        self._mirror.start()
        self._thread.start()

    def submit(self, run_id: str) -> None:
        """Begin a run that has been put into the store.

        Raises:
            UnknownRun: it is not there.
        """
        self._store.load(run_id)
        self._note(run_id)

    def terminate(self, run_id: str) -> None:
        """End a run: its pods are deleted; it becomes CANCELING, then CANCELED.

        A finished one stays as it is.

        Raises:
            UnknownRun: it is not there.
        """
        with self._at_work:
            record = self._store.load(run_id)
            if record.status.state.final:
                return
            Tree(record, self._clock).move_run(State.CANCELING)
            self._store.save_status(run_id, record.status)
        self._note(run_id)

    def forget(self, run_id: str) -> None:
        """Delete what a run has left in the cluster; call it when a run is deleted. Unknown runs are fine."""
        with self._condition:
            self._forgotten.add(run_id)
        self._note(run_id)

    def stop(self) -> None:
        """Stop working, within some seconds. What is running in the cluster goes on."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._mirror.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _note(self, run_id: str, at: float = 0.0) -> None:
        """Have a run looked at, at once or at a time."""
        with self._condition:
            self._due[run_id] = min(at, self._due.get(run_id, at))
            self._condition.notify_all()

    def _next(self) -> str | None:
        """Wait for a run that is due, and return it; None when the engine stops."""
        with self._condition:
            while not self._stopping:
                if self._due:
                    run_id, at = min(self._due.items(), key=lambda item: item[1])
                    wait = at - self._clock()
                    if wait <= 0:
                        del self._due[run_id]
                        return run_id
                    self._condition.wait(wait)
                else:
                    self._condition.wait()
            return None

    def _work(self) -> None:
        # Before the pods are known, those that run already would count as lost.
        while not self._mirror.wait_listed(1.0):
            if self._stopping:
                return
        while (run_id := self._next()) is not None:
            try:
                with self._at_work:
                    self._look_after(run_id)
            except OSError as error:
                LOG.warning("run %s: %s", run_id, error)
                self._note(run_id, self._clock() + RETRY_SECONDS)
            except Exception:  # the thread must go on: other runs depend on it
                LOG.exception("run %s", run_id)
                self._note(run_id, self._clock() + RETRY_SECONDS)

    def _look_after(self, run_id: str) -> None:
        if run_id in self._forgotten:
            self._clean(run_id)
            return
        try:
            record = self._store.load(run_id)
            if record.status.state is State.CANCELING:
                self._cancel(record)
            elif not record.status.state.final:
                self._advance(record)
        except UnknownRun:
            self._clean(run_id)

    def _advance(self, record: RunRecord) -> None:
        request = record.request
        tree = Tree(record, self._clock)

        def save() -> None:
            if tree.changed:
                self._store.save_status(request.run_id, record.status)
                tree.changed = False

        try:
            tree.move_run(State.RUNNING)
            pipeline = _read(json.dumps(request.pipeline_spec, sort_keys=True))
            words = _words(record)
            steps = Steps(
                pipeline, tree, spec.root_uri(pipeline, request.pipeline_root), words, self._around, save
            )
            walk = Walk(pipeline, tree, steps, words)
            root = walk.advance(lambda: spec.run_inputs(pipeline, request.parameters))
            if root.state.final:
                tree.move_run(root.state, root.error)
            if steps.wake_at:
                self._note(request.run_id, steps.wake_at)
        except InvalidPipeline as error:
            # It was accepted by another version of this program.
            tree.move_run(State.FAILED, str(error))
        finally:
            save()

    def _cancel(self, record: RunRecord) -> None:
        """Delete the pods of a run that is to end; when there are none, it has ended."""
        running = [pod for pod in self._mirror.of_run(record.request.run_id) if not _ended(pod)]
        for pod in running:
            if "deletionTimestamp" not in pod["metadata"]:
                self._kube.delete(pod["metadata"]["namespace"], pod["metadata"]["name"])
        if running:
            return
        tree = Tree(record, self._clock)
        for task in record.status.tasks:
            if not task.state.final:
                tree.move(task, State.CANCELED)
        tree.move_run(State.CANCELED)
        self._store.save_status(record.request.run_id, record.status)

    def _clean(self, run_id: str) -> None:
        for pod in self._mirror.of_run(run_id):
            if "deletionTimestamp" not in pod["metadata"]:
                self._kube.delete(pod["metadata"]["namespace"], pod["metadata"]["name"])


def _ended(pod: Pod) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


@functools.lru_cache(maxsize=16)
def _read(text: str) -> Pipeline:
    """Return the pipeline of a run; it is needed after each event."""
    return spec.read(json.loads(text))


def _words(record: RunRecord) -> dict[str, str]:
    """Return what placeholders stand for that are the same in a whole run (the SDK's kfp/dsl/__init__.py)."""
    request = record.request

    def time_of(seconds: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    return {
        "pipeline_job_name": request.name,
        "pipeline_job_resource_name": request.name,
        "pipeline_job_uuid": request.run_id,
        "pipeline_job_create_time_utc": time_of(request.created_at),
        "pipeline_job_schedule_time_utc": time_of(request.scheduled_at or request.created_at),
        "pipeline_root": request.pipeline_root,
    }
