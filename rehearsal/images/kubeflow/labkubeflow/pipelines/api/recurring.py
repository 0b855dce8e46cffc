"""Recurring runs (kubeflow/pipelines, backend/src/apiserver/server/job_server.go)."""

from __future__ import annotations

import re
import secrets

from labkubeflow.pipelines.api import launch, macros, queries
from labkubeflow.pipelines.api.answers import recurring_answer
from labkubeflow.pipelines.api.errors import invalid, not_found
from labkubeflow.pipelines.api.runs import scope_of
from labkubeflow.pipelines.api.schedule import check_trigger
from labkubeflow.pipelines.api.service import Call, Service
from labkubeflow.pipelines.model import JsonObject
from labkubeflow.pipelines.store.records import MissingError, Plan, RecurringRun

RESOURCE = "jobs"

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes up names of."""


def create(service: Service, call: Call) -> JsonObject:
    """Answer POST /recurringruns."""
    call.only(())
    asked = call.message("RecurringRun")
    name = asked.get("display_name", "")
    if not name:
        raise invalid("The recurring run name is empty. Please specify a valid name")
    concurrency = int(asked.get("max_concurrency", 0))
    if not 1 <= concurrency <= 10:
        raise invalid(f"max_concurrency of a recurring run must be between 1 and 10, not {concurrency}")
    check_trigger(asked.get("trigger", {}))
    experiment = launch.experiment_of(service, asked.get("experiment_id", ""))
    if asked.get("namespace", experiment.namespace) != experiment.namespace:
        raise invalid(
            f"Experiment {experiment.id} belongs to namespace '{experiment.namespace}', not to "
            f"'{asked['namespace']}'"
        )
    service.access.require(call.user, "create", RESOURCE, experiment.namespace, name)
    source = launch.source_of(service, call.user, asked)
    launch.check(service, source.spec, asked)
    config = asked.get("runtime_config", {})
    macros.check(config.get("parameters", {}))
    now = service.now()
    item = RecurringRun(
        id=service.new_id(),
        name=name,
        description=asked.get("description", ""),
        namespace=experiment.namespace,
        experiment_id=experiment.id,
        enabled=asked.get("mode") == "ENABLE",
        created_at=now,
        updated_at=now,
        job_name=job_name(name),
        plan=Plan(
            pipeline_spec=source.spec if source.embedded else None,
            trigger=asked["trigger"],
            parameters=config.get("parameters", {}),
            pipeline_root=config.get("pipeline_root", ""),
            service_account=asked.get("service_account") or launch.SERVICE_ACCOUNT,
            max_concurrency=concurrency,
            no_catchup=asked.get("no_catchup", False),
        ),
        pipeline_id=source.pipeline_id,
        pipeline_version_id=source.pipeline_version_id,
    )
    service.stores.recurring_runs.add(item)
    service.wake()
    return recurring_answer(item)


def job_name(name: str) -> str:
    """Return what the names of its runs begin with: upstream's name of a ScheduledWorkflow."""
    short = re.sub("[^a-z0-9-]+", "", name.lower())[:25] or "job-"
    return short + "".join(secrets.choice(_LETTERS) for _ in range(5))


def list_all(service: Service, call: Call) -> JsonObject:
    """Answer GET /recurringruns: those of an experiment or of a namespace."""
    call.only((*queries.PARAMETERS, "namespace", "experiment_id"))
    scope = scope_of(service, call)
    service.access.require(call.user, "list", RESOURCE, scope["namespace"])
    query = queries.read_query(call.query, queries.RECURRING_RUN_FIELDS)
    page = service.stores.recurring_runs.page(scope, query)
    return queries.answer_of("recurringRuns", page, recurring_answer, query, call.query)


def get(service: Service, call: Call) -> JsonObject:
    """Answer GET /recurringruns/ID."""
    return recurring_answer(_permitted(service, call, "get"))


def enable(service: Service, call: Call) -> JsonObject:
    """Answer POST /recurringruns/ID:enable."""
    return _switch(service, call, "enable", enabled=True)


def disable(service: Service, call: Call) -> JsonObject:
    """Answer POST /recurringruns/ID:disable."""
    return _switch(service, call, "disable", enabled=False)


def delete(service: Service, call: Call) -> JsonObject:
    """Answer DELETE /recurringruns/ID: the runs that it has started stay."""
    service.stores.recurring_runs.delete(_permitted(service, call, "delete").id)
    service.wake()
    return {}


def _switch(service: Service, call: Call, verb: str, *, enabled: bool) -> JsonObject:
    item = _permitted(service, call, verb)
    service.stores.recurring_runs.switch(item.id, enabled, service.now())
    service.wake()
    return {}


def _permitted(service: Service, call: Call, verb: str) -> RecurringRun:
    call.only(())
    recurring_run_id = call.path["recurring_run_id"]
    try:
        item = service.stores.recurring_runs.get(recurring_run_id)
    except MissingError:
        raise not_found("RecurringRun", recurring_run_id) from None
    service.access.require(call.user, verb, RESOURCE, item.namespace, item.name)
    return item
