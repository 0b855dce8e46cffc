"""A cluster whose pods do at once what a test says, and stores in memory."""

from __future__ import annotations

import copy
import itertools
import json
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

with warnings.catch_warnings():
    # The SDK's sources have escape sequences that Python frowns upon.
    warnings.simplefilter("ignore")
    from kfp import compiler
    from labkubeflow.pipelines.engine import Engine

from labkubeflow.pipelines import model
from labkubeflow.pipelines.engine.ports import Pod
from labkubeflow.pipelines.model import CacheEntry, RunRecord, RunRequest, RunStatus, State, TaskDetail

DEADLINE = 20.0

Result = dict[str, Any] | str | None
"""What a step ends with: what the launcher says, an error, or None: it does not end by itself."""


@dataclass(frozen=True)
class Started:
    """A step as the launcher sees it."""

    name: str
    task: str
    command: list[str]
    job: dict[str, Any]
    pod: Pod

    @property
    def executor_input(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(next(word for word in self.command if word.startswith('{"')))
        return found


class FakeKube:
    """Pods in memory. They run as soon as they are made, and end as `program` says."""

    def __init__(self) -> None:
        self.program: Callable[[Started], Result] = lambda step: {}
        self.started: list[Started] = []
        self.pods: dict[tuple[str, str], Pod] = {}
        self.refusal: Exception | None = None
        self._watchers: list[queue.Queue[tuple[str, Pod] | None]] = []
        self._versions = itertools.count(1)
        self._lock = threading.RLock()

    def create(self, pod: Mapping[str, Any]) -> Pod:
        with self._lock:
            if self.refusal:
                raise self.refusal
            key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            if key in self.pods:
                return self.pods[key]
            made = copy.deepcopy(dict(pod))
            made["status"] = {"phase": "Pending"}
            self._write(made, "ADDED")
            command = made["spec"]["containers"][0]["command"]
            step = Started(
                name=key[1],
                task=made["metadata"]["annotations"]["pipelines.kubeflow.org/task_name"],
                command=command[4:],
                job=json.loads(command[2]),
                pod=made,
            )
            self.started.append(step)
            result = self.program(step)
            self.set_state(key[1], {"running": {}}, "Running")
            if result is not None:
                self.end(key[1], result)
            return copy.deepcopy(made)

    def end(self, name: str, result: dict[str, Any] | str) -> None:
        code = 1 if isinstance(result, str) else 0
        said = {"error": result} if isinstance(result, str) else result
        ended = {"exitCode": code, "message": json.dumps(said)}
        self.set_state(name, {"terminated": ended}, "Failed" if code else "Succeeded")

    def set_state(self, name: str, state: dict[str, Any], phase: str) -> None:
        with self._lock:
            pod = copy.deepcopy(next(pod for (_, other), pod in self.pods.items() if other == name))
            pod["status"] = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
            self._write(pod, "MODIFIED")

    def delete(self, namespace: str, name: str) -> None:
        with self._lock:
            if pod := self.pods.pop((namespace, name), None):
                self._tell("DELETED", pod)

    def get(self, namespace: str, name: str) -> Pod | None:
        with self._lock:
            return self.pods.get((namespace, name))

    def list(self, selector: str) -> tuple[list[Pod], str]:
        with self._lock:
            return copy.deepcopy(list(self.pods.values())), str(next(self._versions))

    def watch(self, selector: str, version: str) -> Iterator[tuple[str, Pod]]:
        events: queue.Queue[tuple[str, Pod] | None] = queue.Queue()
        with self._lock:
            late = [
                pod for pod in self.pods.values() if int(pod["metadata"]["resourceVersion"]) > int(version)
            ]
            for pod in late:
                events.put(("MODIFIED", pod))
            self._watchers.append(events)
        while (event := events.get()) is not None:
            yield event

    def hang_up(self) -> None:
        """End all watches, as the server does from time to time."""
        with self._lock:
            watchers, self._watchers = self._watchers, []
        for events in watchers:
            events.put(None)

    def _write(self, pod: Pod, kind: str) -> None:
        pod["metadata"]["resourceVersion"] = str(next(self._versions))
        self.pods[pod["metadata"]["namespace"], pod["metadata"]["name"]] = pod
        self._tell(kind, pod)

    def _tell(self, kind: str, pod: Pod) -> None:
        for events in self._watchers:
            events.put((kind, copy.deepcopy(pod)))


@dataclass
class FakeObjects:
    """Objects in memory."""

    content: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    def get(self, uri: str) -> bytes | None:
        if self.broken:
            raise OSError("no object store")
        return self.content.get(uri)


class MemoryStore:
    """Runs in memory, as JSON: what is not written is not kept."""

    def __init__(self) -> None:
        self._requests: dict[str, RunRequest] = {}
        self._statuses: dict[str, str] = {}
        self._cache: dict[tuple[str, str, str], CacheEntry] = {}
        self._changed = threading.Condition()
        self.fail_after: int | None = None

    def add(self, request: RunRequest) -> None:
        with self._changed:
            self._requests[request.run_id] = request
            self._statuses[request.run_id] = json.dumps(model.status_to_json(RunStatus()))

    def remove(self, run_id: str) -> None:
        with self._changed:
            del self._requests[run_id], self._statuses[run_id]

    def load(self, run_id: str) -> RunRecord:
        with self._changed:
            if run_id not in self._requests:
                raise model.UnknownRun(run_id)
            status = model.status_from_json(json.loads(self._statuses[run_id]))
            return RunRecord(self._requests[run_id], status)

    def save_status(self, run_id: str, status: RunStatus) -> None:
        with self._changed:
            if run_id not in self._requests:
                raise model.UnknownRun(run_id)
            if self.fail_after is not None:
                if self.fail_after == 0:
                    raise OSError("no space left on device")
                self.fail_after -= 1
            self._statuses[run_id] = json.dumps(model.status_to_json(status))
            self._changed.notify_all()

    def unfinished(self) -> list[str]:
        with self._changed:
            return [run_id for run_id in self._requests if not self.load(run_id).status.state.final]

    def find_cached(self, namespace: str, pipeline: str, fingerprint: str) -> CacheEntry | None:
        return self._cache.get((namespace, pipeline, fingerprint))

    def put_cached(self, namespace: str, pipeline: str, fingerprint: str, entry: CacheEntry) -> None:
        self._cache[namespace, pipeline, fingerprint] = entry

    def wait(self, run_id: str, condition: Callable[[RunStatus], bool]) -> RunStatus:
        deadline = time.monotonic() + DEADLINE
        with self._changed:
            while not condition(status := self.load(run_id).status):
                left = deadline - time.monotonic()
                assert left > 0, f"the run does not get there: {status}"
                self._changed.wait(left)
            return status


class Bench:
    """An engine on a fake cluster."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.objects = FakeObjects()
        self.store = MemoryStore()
        self.engine: Engine | None = None
        self._numbers = itertools.count(1)

    def start(self) -> Engine:
        """Start an engine, or the next one."""
        self.stop()
        self.engine = Engine(self.kube, self.objects, self.store)
        self.engine.resume()
        return self.engine

    def stop(self) -> None:
        if self.engine is not None:
            self.engine.stop()
        self.kube.hang_up()

    def add(self, spec: dict[str, Any], **fields: Any) -> str:
        """Put a run into the store, without telling the engine."""
        run_id = f"0000-{next(self._numbers)}"
        self.store.add(RunRequest(run_id, "a run", "space", spec, **fields))
        return run_id

    def submit(self, spec: dict[str, Any], **fields: Any) -> str:
        engine = self.engine or self.start()
        run_id = self.add(spec, **fields)
        engine.submit(run_id)
        return run_id

    def run(self, spec: dict[str, Any], **fields: Any) -> RunStatus:
        """Run a pipeline to its end."""
        return self.ended(self.submit(spec, **fields))

    def ended(self, run_id: str) -> RunStatus:
        return self.store.wait(run_id, lambda status: status.state.final)

    def wait_started(self, count: int) -> list[Started]:
        """Wait for so many pods to have been made in all."""
        deadline = time.monotonic() + DEADLINE
        while len(self.kube.started) < count:
            assert time.monotonic() < deadline, self.kube.started
            time.sleep(0.005)
        return self.kube.started


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.stop()


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[Any], dict[str, Any]]:
    """Return a function that compiles a pipeline with the SDK."""

    def compile_(pipeline: Any) -> dict[str, Any]:
        path = tmp_path / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        if len(documents) == 2:
            return {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        found: dict[str, Any] = documents[0]
        return found

    return compile_


def task(status: RunStatus, path: str) -> TaskDetail:
    return next(found for found in status.tasks if found.path == path)


def states(status: RunStatus) -> dict[str, State]:
    return {found.path: found.state for found in status.tasks}
