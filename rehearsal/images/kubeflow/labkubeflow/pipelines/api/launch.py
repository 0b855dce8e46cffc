"""Where a run's pipeline comes from, and how a run begins: the same for single and for recurring ones."""

from __future__ import annotations

from dataclasses import dataclass

from labkubeflow.pipelines.api import experiments, pipelines
from labkubeflow.pipelines.api.errors import ApiError, Code, invalid
from labkubeflow.pipelines.api.service import Service
from labkubeflow.pipelines.model import InvalidPipeline, JsonObject
from labkubeflow.pipelines.store.records import ARCHIVED, Experiment

SERVICE_ACCOUNT = "default-editor"
"""What steps run as unless the run says otherwise (kfp-operators, charms/kfp-api/config.yaml: runner-sa)."""


@dataclass(frozen=True)
class Source:
    """A run's pipeline.

    Attributes:
        spec: the pipeline itself.
        pipeline_id: empty if it was sent with the run.
        pipeline_version_id: as it was asked for; empty for the newest version.
        embedded: whether it was sent with the run.
    """

    spec: JsonObject
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    embedded: bool = True


def source_of(service: Service, user: str, asked: JsonObject) -> Source:
    """Return the pipeline that a Run or RecurringRun message means.

    Raises:
        ApiError: it means none, or one that the user may not see.
    """
    reference = asked.get("pipeline_version_reference", {})
    version_id = asked.get("pipeline_version_id", "") or reference.get("pipeline_version_id", "")
    pipeline_id = reference.get("pipeline_id", "")
    spec = asked.get("pipeline_spec")
    if (spec is None) == (not version_id and not pipeline_id):
        raise invalid("exactly one of pipeline_spec and pipeline_version_reference is needed")
    if spec is not None:
        return Source(spec)
    version = pipelines.find_version(service, pipeline_id, version_id)
    item = pipelines.find(service, version.pipeline_id)
    pipelines.may(service, user, "get", item.namespace, item.name)
    return Source(version.spec, item.id, version_id, embedded=False)


def check(service: Service, spec: JsonObject, asked: JsonObject) -> None:
    """See that a pipeline can be run with the runtime configuration of a message.

    Raises:
        ApiError: it cannot.
    """
    config = asked.get("runtime_config", {})
    try:
        service.engine.validate(spec, config.get("parameters", {}), config.get("pipeline_root", ""))
    except InvalidPipeline as error:
        raise invalid(str(error)) from error


def experiment_of(service: Service, experiment_id: str) -> Experiment:
    """Return the experiment that a new run belongs to.

    Raises:
        ApiError: none is named, there is none, or it is archived.
    """
    if not experiment_id:
        raise invalid("Experiment id can not be empty in multi-user mode")
    experiment = experiments.find(service, experiment_id)
    if experiment.storage_state == ARCHIVED:
        raise ApiError(
            Code.INVALID_ARGUMENT, f"Invalid input error: experiment {experiment_id} has been archived"
        )
    return experiment
