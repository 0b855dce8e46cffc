from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from labkubeflow.pipelines.engine import Engine
from labkubeflow.pipelines.model import InvalidPipeline

from . import pipelines

Compile = Callable[[Any], dict[str, Any]]


def change(spec: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy in which something below a path is different."""
    changed = copy.deepcopy(spec)
    *above, last = path.split("/")
    place = changed
    for key in above:
        place = place[key]
    place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("bogus", 1, 'unknown field "bogus"'),
        ("root/dag/tasks/inner/bogus", 1, 'unknown field "bogus"'),
        ("deploymentSpec/executors/exec-make/container/bogus", 1, 'unknown field "bogus"'),
        ("schemaVersion", "3.0.0", "schema version '3.0.0' is not known"),
        ("pipelineInfo/name", "Über", "invalid pipeline name"),
        ("root", {"executorLabel": "exec-make"}, "root must be a DAG"),
        ("root/dag/tasks/inner/componentRef/name", "none", "there is no component 'none'"),
        ("root/dag/tasks/inner/dependentTasks", ["none"], "waits for 'none', which is not there"),
        ("root/dag/tasks/inner/dependentTasks", ["shout"], "wait for each other: inner, shout"),
        ("components/comp-inner/dag/tasks/use/componentRef/name", "comp-inner", "contain each other"),
        ("components/comp-make/executorLabel", "none", "there is no executor 'none'"),
        ("root/dag/tasks/inner/triggerPolicy", {"condition": "a =="}, "is not understood"),
        ("root/dag/tasks/inner/inputs/parameters/a", {"componentInputParameter": "z"}, "no parameter 'z'"),
        ("root/dag/tasks/inner/inputs/parameters/a", {"taskFinalStatus": {}}, "final status of another"),
        ("root/dag/tasks/inner/artifactIterator", {"itemInput": "x"}, "a loop over artifacts"),
        ("defaultPipelineRoot", "gs://bucket/x", "must begin with minio://mlpipeline/"),
    ],
)
def test_what_is_wrong_is_refused(compiled: Compile, path: str, value: Any, message: str) -> None:
    spec = compiled(pipelines.nested)
    Engine.validate(spec)
    with pytest.raises(InvalidPipeline, match=message):
        Engine.validate(change(spec, path, value))


def test_what_is_not_supported_is_refused(compiled: Compile) -> None:
    with pytest.raises(InvalidPipeline, match=r"not supported in this lab: .*dsl\.importer"):
        Engine.validate(compiled(pipelines.importing))
    with pytest.raises(InvalidPipeline, match=r"not supported in this lab: .*dsl\.OneOf"):
        Engine.validate(compiled(pipelines.one_of))


@pytest.mark.parametrize(
    "pipeline", [pipelines.branches, pipelines.loops, pipelines.steps, pipelines.optional]
)
def test_what_the_sdk_compiles_is_accepted(compiled: Compile, pipeline: Any) -> None:
    Engine.validate(compiled(pipeline))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"flag": True}, "parameter 'n' has neither a value nor a default"),
        ({"flag": "yes", "n": 1}, "'flag' must be of type BOOLEAN, not \"yes\""),
        ({"flag": True, "n": 1.5}, "'n' must be of type NUMBER_INTEGER"),
        ({"flag": True, "n": 1, "m": 1}, "the pipeline has no such parameter"),
    ],
)
def test_parameters_are_compared_with_the_pipelines_inputs(
    compiled: Compile, parameters: dict[str, Any], message: str
) -> None:
    spec = compiled(pipelines.branches)
    Engine.validate(spec, {"flag": True, "n": 1.0})
    with pytest.raises(InvalidPipeline, match=message):
        Engine.validate(spec, parameters)


def test_the_root_must_be_in_the_labs_own_store(compiled: Compile) -> None:
    spec = compiled(pipelines.nested)
    Engine.validate(spec, root="minio://mlpipeline/mine")
    with pytest.raises(InvalidPipeline, match="pipeline root 's3://other' is not supported"):
        Engine.validate(spec, root="s3://other")


def test_a_platform_spec(compiled: Compile) -> None:
    executor: dict[str, Any] = {
        "secretAsEnv": [{"secretName": "s", "keyToEnv": [{"secretKey": "k", "envVar": "V"}]}]
    }
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-say": executor}}}}}
    spec = {"pipeline_spec": compiled(pipelines.settings), "platform_spec": platform}
    Engine.validate(spec)
    executor["tolerations"] = []
    with pytest.raises(InvalidPipeline, match="'tolerations' is not supported in this lab"):
        Engine.validate(spec)
    with pytest.raises(InvalidPipeline, match='unknown field "other"'):
        Engine.validate({**spec, "other": 1})
