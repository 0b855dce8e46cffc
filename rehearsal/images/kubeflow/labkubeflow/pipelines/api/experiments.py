"""Experiments (kubeflow/pipelines, backend/src/apiserver/server/experiment_server.go)."""

from __future__ import annotations

from labkubeflow.pipelines.api import queries
from labkubeflow.pipelines.api.errors import ApiError, Code, invalid, not_found
from labkubeflow.pipelines.api.messages import pruned, stamp
from labkubeflow.pipelines.api.service import Call, Service
from labkubeflow.pipelines.model import JsonObject
from labkubeflow.pipelines.store.records import (
    ARCHIVED,
    AVAILABLE,
    DuplicateError,
    Experiment,
    MissingError,
)

RESOURCE = "experiments"


def find(service: Service, experiment_id: str) -> Experiment:
    """Return an experiment.

    Raises:
        ApiError: NOT_FOUND if there is none.
    """
    try:
        return service.stores.experiments.get(experiment_id)
    except MissingError:
        raise not_found("Experiment", experiment_id) from None


def create(service: Service, call: Call) -> JsonObject:
    """Answer POST /experiments."""
    call.only(())
    asked = call.message("Experiment")
    name = asked.get("display_name", "")
    if not name:
        raise invalid("Experiment must have a non-empty name")
    namespace = asked.get("namespace", "")
    service.access.require(call.user, "create", RESOURCE, namespace, name)
    item = Experiment(service.new_id(), name, asked.get("description", ""), namespace, service.now())
    try:
        service.stores.experiments.add(item)
    except DuplicateError:
        raise ApiError(
            Code.ALREADY_EXISTS,
            f"Already exist error: Failed to create a new experiment. The name {name} already exists. "
            "Please specify a new name",
        ) from None
    return _answer(item)


def list_all(service: Service, call: Call) -> JsonObject:
    """Answer GET /experiments."""
    call.only((*queries.PARAMETERS, "namespace"))
    namespace = call.query.get("namespace", "")
    service.access.require(call.user, "list", RESOURCE, namespace)
    query = queries.read_query(call.query, queries.EXPERIMENT_FIELDS)
    page = service.stores.experiments.page(namespace, query)
    return queries.answer_of("experiments", page, _answer, query, call.query)


def get(service: Service, call: Call) -> JsonObject:
    """Answer GET /experiments/ID."""
    return _answer(_permitted(service, call, "get"))


def archive(service: Service, call: Call) -> JsonObject:
    """Answer POST /experiments/ID:archive: its runs go with it, and its recurring runs are switched off."""
    item = _permitted(service, call, "archive")
    service.stores.experiments.store_away(item.id, ARCHIVED)
    service.stores.runs.archive_experiment(item.id)
    service.stores.recurring_runs.switch_off_experiment(item.id, service.now())
    service.wake()
    return {}


def unarchive(service: Service, call: Call) -> JsonObject:
    """Answer POST /experiments/ID:unarchive: the experiment alone."""
    item = _permitted(service, call, "unarchive")
    service.stores.experiments.store_away(item.id, AVAILABLE)
    return {}


def delete(service: Service, call: Call) -> JsonObject:
    """Answer DELETE /experiments/ID: as upstream, its runs and recurring runs stay."""
    service.stores.experiments.delete(_permitted(service, call, "delete").id)
    return {}


def _permitted(service: Service, call: Call, verb: str) -> Experiment:
    call.only(())
    item = find(service, call.path["experiment_id"])
    service.access.require(call.user, verb, RESOURCE, item.namespace, item.name)
    return item


def _answer(item: Experiment) -> JsonObject:
    return pruned(
        {
            "experiment_id": item.id,
            "display_name": item.name,
            "description": item.description,
            "created_at": stamp(item.created_at),
            "namespace": item.namespace,
            "storage_state": item.storage_state,
        }
    )
