"""What the API server and the engine share: runs, their tasks, and where both are kept.

A run has a part that its creator decides (`RunRequest`, never changed) and a part that the engine writes
(`RunStatus`). So the server may change what is its own, such as the archive, while a run goes on.

The names of the states are those of upstream's API v2beta1 (kubeflow/pipelines,
backend/api/v2beta1/run.proto, `RuntimeState`). Times are seconds since 1970, 0 for "not yet".
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

JsonObject = dict[str, Any]


class InvalidPipeline(Exception):  # noqa: N818 (it is the pipeline that is at fault, not a program)
    """A pipeline, or the request to run it, cannot be accepted; the text says why, for its author."""


class UnknownRun(KeyError):  # noqa: N818 (it may have been deleted, which is no error)
    """There is no such run."""


class State(enum.StrEnum):
    """States of runs and of tasks."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in {State.SUCCEEDED, State.SKIPPED, State.FAILED, State.CANCELED}


@dataclass(frozen=True)
class StateChange:
    """One entry of a state history.

    Attributes:
        time: when the state was entered.
        error: what went wrong, if something did.
    """

    state: State
    time: float
    error: str = ""


@dataclass(frozen=True)
class Artifact:
    """An artifact that a task has made.

    Attributes:
        uri: where it is (`minio://mlpipeline/v2/artifacts/...`).
        type: title of its schema, such as `system.Dataset`.
        metadata: what its maker says of it.
    """

    name: str
    uri: str
    type: str
    metadata: JsonObject = field(default_factory=dict)


@dataclass
class Values:
    """Inputs or outputs of a task: parameters as JSON values, artifacts as lists."""

    parameters: JsonObject = field(default_factory=dict)
    artifacts: dict[str, list[Artifact]] = field(default_factory=dict)


@dataclass
class TaskDetail:
    """A task of a run: a DAG, a component, or an `executor`.

    As upstream's workflows have it, a component's task has a child with the display name `executor`. That one
    has the pod; it is SKIPPED, and has no pod, if the outputs came from the cache.

    Attributes:
        task_id: unique; made of the run's ID and the task's path, so the same after a restart.
        path: names from the root to here, with `[3]` for an iteration of a loop; empty for the root.
        parent_task_id: the DAG or component it belongs to; empty for the root.
        child_task_ids: in the order in which they were made.
        pod_name: of an executor; empty until it has one.
        attempt: how often it has been run again.
        lost: how many of its pods vanished before they had ended.
        cached: whether its outputs come from the cache.
        fingerprint: the cache's key; empty if it does not take part.
        retry_at: not before this time is it run again.
    """

    task_id: str
    display_name: str
    path: str
    parent_task_id: str = ""
    child_task_ids: list[str] = field(default_factory=list)
    state: State = State.PENDING
    created_at: float = 0
    started_at: float = 0
    finished_at: float = 0
    error: str = ""
    state_history: list[StateChange] = field(default_factory=list)
    pod_name: str = ""
    attempt: int = 0
    lost: int = 0
    cached: bool = False
    fingerprint: str = ""
    retry_at: float = 0
    inputs: Values = field(default_factory=Values)
    outputs: Values = field(default_factory=Values)


@dataclass(frozen=True)
class RunRequest:
    """What a run is to do.

    Attributes:
        name: its display name.
        pipeline_spec: the compiled pipeline (IR), as parsed JSON or YAML; with a platform's part it is
            `{"pipeline_spec": ..., "platform_spec": ...}`.
        parameters: values of the pipeline's inputs.
        pipeline_root: where artifacts go; empty for the usual place.
        scheduled_at: for a recurring run the time it stands for, else `created_at`.
    """

    run_id: str
    name: str
    namespace: str
    pipeline_spec: JsonObject
    parameters: JsonObject = field(default_factory=dict)
    pipeline_root: str = ""
    service_account: str = "default-editor"
    created_at: float = 0
    scheduled_at: float = 0


@dataclass
class RunStatus:
    """How far a run is. The engine writes it; the server may only make the first one."""

    state: State = State.PENDING
    error: str = ""
    finished_at: float = 0
    state_history: list[StateChange] = field(default_factory=list)
    tasks: list[TaskDetail] = field(default_factory=list)


@dataclass
class RunRecord:
    """A run with all that is known of it."""

    request: RunRequest
    status: RunStatus = field(default_factory=RunStatus)


@dataclass(frozen=True)
class CacheEntry:
    """Outputs of a component that may be used again.

    Attributes:
        run_id: the run that made them.
        task_id: its task (the executor).
    """

    run_id: str
    task_id: str
    outputs: Values


class Store(Protocol):
    """Where runs are kept. It may be called from several threads; what was written survives a crash."""

    def load(self, run_id: str) -> RunRecord:
        """Return a run.

        Raises:
            UnknownRun: there is none, or it has been deleted.
        """

    def save_status(self, run_id: str, status: RunStatus) -> None:
        """Write how far a run is, in whole.

        Raises:
            UnknownRun: it has been deleted meanwhile.
        """

    def unfinished(self) -> Sequence[str]:
        """Return the IDs of all runs whose state is not final."""

    def find_cached(self, namespace: str, pipeline: str, fingerprint: str) -> CacheEntry | None:
        """Return the newest outputs under a key, which all three make up, as upstream's cache has it."""

    def put_cached(self, namespace: str, pipeline: str, fingerprint: str, entry: CacheEntry) -> None:
        """Keep outputs for later runs."""


def status_to_json(status: RunStatus) -> JsonObject:
    """Return a status as plain JSON, for a store to keep."""
    return dataclasses.asdict(status)


def status_from_json(data: Mapping[str, Any]) -> RunStatus:
    """Return the status that `status_to_json` was given."""
    return RunStatus(
        state=State(data["state"]),
        error=data["error"],
        finished_at=data["finished_at"],
        state_history=_history(data["state_history"]),
        tasks=[_task(item) for item in data["tasks"]],
    )


def values_to_json(values: Values) -> JsonObject:
    """Return inputs or outputs as plain JSON."""
    return dataclasses.asdict(values)


def values_from_json(data: Mapping[str, Any]) -> Values:
    """Return the values that `values_to_json` was given."""
    artifacts = {
        name: [Artifact(**artifact) for artifact in found] for name, found in data["artifacts"].items()
    }
    return Values(dict(data["parameters"]), artifacts)


def _history(items: Sequence[Mapping[str, Any]]) -> list[StateChange]:
    return [StateChange(State(item["state"]), item["time"], item["error"]) for item in items]


def _task(data: Mapping[str, Any]) -> TaskDetail:
    return TaskDetail(
        **{
            **data,
            "state": State(data["state"]),
            "state_history": _history(data["state_history"]),
            "inputs": values_from_json(data["inputs"]),
            "outputs": values_from_json(data["outputs"]),
        }
    )
