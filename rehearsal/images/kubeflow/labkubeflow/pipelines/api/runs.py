"""Runs (kubeflow/pipelines, backend/src/apiserver/server/run_server.go)."""

from __future__ import annotations

from labkubeflow.pipelines.api import experiments, launch, queries
from labkubeflow.pipelines.api.answers import run_answer, run_tree
from labkubeflow.pipelines.api.errors import invalid, not_found, unsupported
from labkubeflow.pipelines.api.service import Call, Service
from labkubeflow.pipelines.model import (
    JsonObject,
    RunRecord,
    RunRequest,
    RunStatus,
    State,
    StateChange,
    UnknownRun,
)
from labkubeflow.pipelines.store.records import ARCHIVED, AVAILABLE, MissingError, Run

RESOURCE = "runs"

_DEPRECATED = ("experiment_id",)
"""The SDK's generated client can still send it; a run's ID is enough."""


def create(service: Service, call: Call) -> JsonObject:
    """Answer POST /runs."""
    call.only(_DEPRECATED)
    asked = call.message("Run")
    name = asked.get("display_name", "")
    if not name:
        raise invalid("The run name is empty. Please specify a valid name")
    experiment_id = asked.get("experiment_id") or call.query.get("experiment_id", "")
    experiment = launch.experiment_of(service, experiment_id)
    service.access.require(call.user, "create", RESOURCE, experiment.namespace, name)
    source = launch.source_of(service, call.user, asked)
    launch.check(service, source.spec, asked)
    config = asked.get("runtime_config", {})
    now = service.now()
    request = RunRequest(
        run_id=service.new_id(),
        name=name,
        namespace=experiment.namespace,
        pipeline_spec=source.spec,
        parameters=config.get("parameters", {}),
        pipeline_root=config.get("pipeline_root", ""),
        service_account=asked.get("service_account") or launch.SERVICE_ACCOUNT,
        created_at=now,
        scheduled_at=now,
    )
    version_id = source.pipeline_version_id
    if not source.embedded and not version_id:
        version_id = _newest(service, source.pipeline_id)
    run = Run(
        record=RunRecord(request, first_status(now)),
        experiment_id=experiment.id,
        description=asked.get("description", ""),
        pipeline_id=source.pipeline_id,
        pipeline_version_id=version_id,
    )
    service.stores.runs.add(run)
    service.engine.submit(request.run_id)
    return run_answer(run)


def first_status(now: float) -> RunStatus:
    """Return the status of a run that has just been made."""
    return RunStatus(state_history=[StateChange(State.PENDING, now)])


def list_all(service: Service, call: Call) -> JsonObject:
    """Answer GET /runs: those of an experiment or of a namespace."""
    call.only((*queries.PARAMETERS, "namespace", "experiment_id"))
    scope = scope_of(service, call)
    service.access.require(call.user, "list", RESOURCE, scope["namespace"])
    query = queries.read_query(call.query, queries.RUN_FIELDS)
    page = service.stores.runs.page(scope, query)
    return queries.answer_of("runs", page, run_answer, query, call.query)


def scope_of(service: Service, call: Call) -> dict[str, str]:
    """Return the namespace, and the experiment if one is named, that a list is about.

    Raises:
        ApiError: there is no such experiment, or it is of another namespace.
    """
    namespace, experiment_id = call.query.get("namespace", ""), call.query.get("experiment_id", "")
    if not experiment_id:
        return {"namespace": namespace}
    experiment = experiments.find(service, experiment_id)
    if namespace and namespace != experiment.namespace:
        raise invalid(
            f"Experiment {experiment_id} belongs to namespace '{experiment.namespace}', not to '{namespace}'"
        )
    return {"namespace": experiment.namespace, "experiment_id": experiment_id}


def get(service: Service, call: Call) -> JsonObject:
    """Answer GET /runs/ID."""
    return run_answer(_permitted(service, call, "get"))


def get_tree(service: Service, call: Call) -> JsonObject:
    """Answer GET /apis/rehearsal/runs/ID: what the page about a run shows, beyond what v2beta1 tells."""
    return run_tree(_permitted(service, call, "get"))


def archive(service: Service, call: Call) -> JsonObject:
    """Answer POST /runs/ID:archive."""
    service.stores.runs.store_away(_id(_permitted(service, call, "archive")), ARCHIVED)
    return {}


def unarchive(service: Service, call: Call) -> JsonObject:
    """Answer POST /runs/ID:unarchive."""
    run = _permitted(service, call, "unarchive")
    service.stores.runs.store_away(_id(run), AVAILABLE)
    return {}


def delete(service: Service, call: Call) -> JsonObject:
    """Answer DELETE /runs/ID: its pods go too."""
    run_id = _id(_permitted(service, call, "delete"))
    service.stores.runs.delete(run_id)
    service.engine.forget(run_id)
    # A recurring run may have waited for it.
    service.wake()
    return {}


def terminate(service: Service, call: Call) -> JsonObject:
    """Answer POST /runs/ID:terminate: as upstream, not once it is finished or is ending already."""
    run = _permitted(service, call, "terminate")
    if run.record.status.state.final or run.record.status.state is State.CANCELING:
        raise invalid(f"Failed to terminate a run {_id(run)}. It is {run.record.status.state}")
    try:
        service.engine.terminate(_id(run))
    except UnknownRun:
        raise not_found("Run", _id(run)) from None
    return {}


def retry(service: Service, call: Call) -> JsonObject:
    """Answer POST /runs/ID:retry: refused."""
    _permitted(service, call, "retry")
    raise unsupported("retrying a run (create it again: steps that succeeded come from the cache)")


def read_artifact(service: Service, call: Call) -> JsonObject:
    """Answer GET /runs/ID/nodes/ID/artifacts/NAME:read: refused."""
    _permitted(service, call, "readArtifact")
    raise unsupported("reading an artifact through the API (read it from the object store)")


def _permitted(service: Service, call: Call, verb: str) -> Run:
    call.only(_DEPRECATED)
    run_id = call.path["run_id"]
    try:
        run = service.stores.runs.get(run_id)
    except MissingError:
        raise not_found("Run", run_id) from None
    request = run.record.request
    service.access.require(call.user, verb, RESOURCE, request.namespace, request.name)
    return run


def _newest(service: Service, pipeline_id: str) -> str:
    latest = service.stores.pipelines.latest(pipeline_id)
    return latest.id if latest else ""


def _id(run: Run) -> str:
    return run.record.request.run_id
