"""Compiled pipelines (IR), read strictly.

The form is upstream's `PipelineSpec` (kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto); the messages
come from the package `kfp-pipeline-spec`. What the form allows but this engine cannot do is refused in
`unsupported.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from labkubeflow.pipelines.engine import kubernetes_config, unsupported
from labkubeflow.pipelines.engine.kubernetes_config import KubernetesConfig
from labkubeflow.pipelines.engine.values import check_type, plain
from labkubeflow.pipelines.model import InvalidPipeline

# kubeflow/pipelines, backend/src/apiserver/template/v2_template.go
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
SCHEMA_VERSIONS = ("2.0.0", "2.1.0")

ROOT_PREFIX = "minio://mlpipeline/"
DEFAULT_ROOT = f"{ROOT_PREFIX}v2/artifacts"
"""Where artifacts go if nobody says otherwise."""

_UNKNOWN = re.compile(r'Message type "[^"]*" has no field named "(?P<name>[^"]*)"')


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that can be run.

    Attributes:
        name: of `pipelineInfo`.
        root: the component that the run is.
        components: by name.
        executors: `ExecutorSpec` by label.
        kubernetes: settings for pods, by label of the executor.
        default_root: where the pipeline wants its artifacts; may be empty.
    """

    name: str
    root: Any
    components: Mapping[str, Any]
    executors: Mapping[str, Any]
    kubernetes: Mapping[str, KubernetesConfig] = field(default_factory=dict)
    default_root: str = ""


def read(spec: Mapping[str, Any]) -> Pipeline:
    """Return a pipeline from its parsed JSON or YAML.

    Args:
        spec: the IR, or `{"pipeline_spec": IR, "platform_spec": ...}`.

    Raises:
        InvalidPipeline: it is none, or asks for something that this engine cannot do.
    """
    ir, platform = _parts(spec)
    message = _parse(ir, pipeline_spec_pb2.PipelineSpec(), "pipeline spec")
    deployment = _parse(
        json_format.MessageToDict(message.deployment_spec),
        pipeline_spec_pb2.PipelineDeploymentConfig(),
        "deployment spec",
    )
    if message.schema_version not in SCHEMA_VERSIONS:
        known = " and ".join(SCHEMA_VERSIONS)
        raise InvalidPipeline(f"schema version {message.schema_version!r} is not known; {known} are")
    name = message.pipeline_info.name
    if not NAME.fullmatch(name):
        raise InvalidPipeline(
            f"invalid pipeline name {name!r}: it must consist of lower case letters, digits and '-', start "
            "with a letter or digit, and have at most 128 characters"
        )
    if not message.root.HasField("dag"):
        raise InvalidPipeline("the pipeline's root must be a DAG")
    pipeline = Pipeline(
        name=name,
        root=message.root,
        components=message.components,
        executors=deployment.executors,
        kubernetes=kubernetes_config.read(platform, set(deployment.executors)),
        default_root=message.default_pipeline_root,
    )
    unsupported.refuse(pipeline.root, pipeline.components, pipeline.executors)
    root_uri(pipeline, "")
    return pipeline


def root_uri(pipeline: Pipeline, root: str) -> str:
    """Return under which URI a run keeps its artifacts, without a slash at the end.

    Args:
        pipeline: its own wish counts if `root` is empty.
        root: what the run's creator wants.

    Raises:
        InvalidPipeline: that is in another store than the lab's own.
    """
    wanted = (root or pipeline.default_root or DEFAULT_ROOT).rstrip("/")
    if not f"{wanted}/".startswith(ROOT_PREFIX):
        raise InvalidPipeline(f"pipeline root {wanted!r} is not supported: it must begin with {ROOT_PREFIX}")
    return wanted


def run_inputs(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the pipeline's inputs: the given ones, and defaults for the rest.

    Raises:
        InvalidPipeline: a value is unknown, missing, or of the wrong type.
    """
    inputs = pipeline.root.input_definitions
    for name in given:
        if name not in inputs.parameters:
            raise InvalidPipeline(f"invalid input {name!r}: the pipeline has no such parameter")
    values: dict[str, Any] = {}
    for name, declared in inputs.parameters.items():
        if name in given:
            values[name] = given[name]
            check_type(declared.parameter_type, given[name], f"parameter {name!r}")
        elif declared.HasField("default_value"):
            values[name] = plain(declared.default_value)
        elif not declared.is_optional:
            raise InvalidPipeline(f"the pipeline's parameter {name!r} has neither a value nor a default")
    return values


def _parts(spec: Mapping[str, Any]) -> tuple[Any, Any]:
    if "pipeline_spec" not in spec:
        return spec, {}
    for name in spec:
        if name not in {"pipeline_spec", "platform_spec"}:
            raise InvalidPipeline(f'unknown field "{name}" beside pipeline_spec and platform_spec')
    return spec["pipeline_spec"], spec.get("platform_spec") or {}


def _parse(data: Any, message: Any, what: str) -> Any:
    if not isinstance(data, Mapping):
        raise InvalidPipeline(f"invalid {what}: it must be a mapping, not {type(data).__name__}")
    try:
        return json_format.ParseDict(data, message)
    except json_format.ParseError as error:
        text = _UNKNOWN.sub(lambda match: f'unknown field "{match["name"]}"', str(error))
        # What follows lists all fields there are, over many lines.
        raise InvalidPipeline(f"invalid {what}: {text.splitlines()[0]}") from error
