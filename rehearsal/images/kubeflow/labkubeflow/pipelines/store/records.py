"""What is kept besides what `labkubeflow.pipelines.model` has. Times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkubeflow.pipelines.model import JsonObject, RunRecord

AVAILABLE = "AVAILABLE"
ARCHIVED = "ARCHIVED"


class MissingError(Exception):
    """There is no such thing."""


class DuplicateError(Exception):
    """There is one of that name already."""


@dataclass(frozen=True)
class Experiment:
    """A group of runs; its name is unique in its namespace."""

    id: str
    name: str
    description: str
    namespace: str
    created_at: float
    storage_state: str = AVAILABLE


@dataclass(frozen=True)
class Pipeline:
    """A pipeline; the namespace is empty if all share it."""

    id: str
    name: str
    display_name: str
    description: str
    namespace: str
    created_at: float


@dataclass(frozen=True)
class Version:
    """A version of a pipeline, with the compiled pipeline."""

    id: str
    pipeline_id: str
    name: str
    display_name: str
    description: str
    created_at: float
    spec: JsonObject


@dataclass(frozen=True)
class Run:
    """A run as the API server sees it: what the engine knows, and what only the server needs."""

    record: RunRecord
    experiment_id: str
    description: str = ""
    recurring_run_id: str = ""
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    storage_state: str = AVAILABLE


@dataclass(frozen=True)
class Plan:
    """What a recurring run does, and when.

    Attributes:
        pipeline_spec: None if the pipeline is given by reference.
        trigger: `cron_schedule` or `periodic_schedule`, as the API has them.
    """

    pipeline_spec: JsonObject | None
    trigger: JsonObject
    parameters: JsonObject = field(default_factory=dict)
    pipeline_root: str = ""
    service_account: str = ""
    max_concurrency: int = 1
    no_catchup: bool = False


@dataclass(frozen=True)
class RecurringRun:
    """A recurring run.

    Attributes:
        job_name: what its runs' names begin with.
        last_index: how many runs it has started.
        last_triggered: the time for which the last one was started; 0 before the first.
        error: why it has been switched off, if the server did that.
    """

    id: str
    name: str
    description: str
    namespace: str
    experiment_id: str
    enabled: bool
    created_at: float
    updated_at: float
    job_name: str
    plan: Plan
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    last_index: int = 0
    last_triggered: float = 0
    error: str = ""
