"""Runs as the API tells them (kubeflow/pipelines, backend/src/apiserver/server/api_converter.go).

As there, a time that has not come is 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkubeflow.pipelines.api.errors import Code
from labkubeflow.pipelines.api.messages import pruned, stamp
from labkubeflow.pipelines.model import JsonObject, StateChange, TaskDetail, values_to_json
from labkubeflow.pipelines.store.records import RecurringRun, Run


def run_answer(run: Run) -> JsonObject:
    """Return a run as a `Run` message."""
    request, status = run.record.request, run.record.status
    tasks = [_task(request.run_id, task, status.tasks) for task in status.tasks]
    return pruned(
        {
            "experiment_id": run.experiment_id,
            "run_id": request.run_id,
            "display_name": request.name,
            "storage_state": run.storage_state,
            "description": run.description,
            **_source(run.pipeline_id, run.pipeline_version_id, request.pipeline_spec),
            "runtime_config": _config(request.parameters, request.pipeline_root),
            "service_account": request.service_account,
            "created_at": stamp(request.created_at),
            "scheduled_at": stamp(request.scheduled_at or request.created_at),
            "finished_at": stamp(status.finished_at),
            "state": str(status.state),
            "error": _error(status.error),
            "run_details": pruned({"task_details": tasks}),
            "recurring_run_id": run.recurring_run_id,
            "state_history": _history(status.state_history),
        }
    )


def run_tree(run: Run) -> JsonObject:
    """Return what the page about a run shows: the tasks with their parameters and artifacts."""
    request, status = run.record.request, run.record.status
    tasks = [
        {
            "task_id": task.task_id,
            "display_name": task.display_name,
            "parent_task_id": task.parent_task_id,
            "state": str(task.state),
            "started_at": task.started_at,
            "finished_at": task.finished_at,
            "error": task.error,
            "pod_name": task.pod_name,
            "cached": task.cached,
            "inputs": values_to_json(task.inputs),
            "outputs": values_to_json(task.outputs),
        }
        for task in status.tasks
    ]
    return {
        "run_id": request.run_id,
        "display_name": request.name,
        "namespace": request.namespace,
        "state": str(status.state),
        "error": status.error,
        "created_at": request.created_at,
        "finished_at": status.finished_at,
        "parameters": request.parameters,
        "tasks": tasks,
    }


def recurring_answer(item: RecurringRun) -> JsonObject:
    """Return a recurring run as a `RecurringRun` message."""
    plan = item.plan
    return pruned(
        {
            "recurring_run_id": item.id,
            "display_name": item.name,
            "description": item.description,
            **_source(item.pipeline_id, item.pipeline_version_id, plan.pipeline_spec or {}),
            "runtime_config": _config(plan.parameters, plan.pipeline_root),
            "service_account": plan.service_account,
            "max_concurrency": str(plan.max_concurrency),
            "trigger": plan.trigger,
            "mode": "ENABLE" if item.enabled else "DISABLE",
            "created_at": stamp(item.created_at),
            "updated_at": stamp(item.updated_at),
            "status": "ENABLED" if item.enabled else "DISABLED",
            "error": _error(item.error),
            "no_catchup": plan.no_catchup,
            "namespace": item.namespace,
            "experiment_id": item.experiment_id,
        }
    )


def _source(pipeline_id: str, version_id: str, spec: JsonObject) -> JsonObject:
    if not pipeline_id:
        return {"pipeline_spec": spec}
    reference = pruned({"pipeline_id": pipeline_id, "pipeline_version_id": version_id})
    return {"pipeline_version_reference": reference}


def _config(parameters: JsonObject, root: str) -> JsonObject:
    return {
        **({"parameters": parameters} if parameters else {}),
        **({"pipeline_root": root} if root else {}),
    }


def _error(text: str) -> JsonObject:
    return {"code": int(Code.INTERNAL), "message": text} if text else {}


def _history(changes: Sequence[StateChange]) -> list[JsonObject]:
    return [
        pruned(
            {
                "update_time": stamp(change.time),
                "state": str(change.state),
                "error": _error(change.error),
            }
        )
        for change in changes
    ]


def _task(run_id: str, task: TaskDetail, tasks: Sequence[TaskDetail]) -> JsonObject:
    pods = {other.task_id: other.pod_name for other in tasks}
    children = [
        {"pod_name": pods[child]} if pods.get(child) else {"task_id": child} for child in task.child_task_ids
    ]
    return pruned(
        {
            "run_id": run_id,
            "task_id": task.task_id,
            "display_name": task.display_name,
            "create_time": stamp(task.created_at),
            "start_time": stamp(task.started_at),
            "end_time": stamp(task.finished_at),
            "executor_detail": pruned({"main_job": task.pod_name}),
            "state": str(task.state),
            "error": _error(task.error),
            "parent_task_id": task.parent_task_id,
            "state_history": _history(task.state_history),
            "pod_name": task.pod_name,
            "child_tasks": children,
        }
    )
