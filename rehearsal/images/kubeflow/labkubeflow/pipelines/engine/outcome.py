"""What became of a step, as its pod and the launcher's words tell it.

The launcher leaves a JSON object as its container's termination message, or in the object store if that is
too long: then the message is `{"at": URI}`. Either has `error`, or `parameters` (texts of the files) and
`metadata` (what the step wrote as its `ExecutorOutput`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from labkubeflow.pipelines.engine.pods import MAIN
from labkubeflow.pipelines.engine.ports import Objects, Pod
from labkubeflow.pipelines.engine.values import from_text, whole
from labkubeflow.pipelines.model import Artifact, Values


@dataclass(frozen=True)
class Waiting:
    """Nothing runs yet."""


@dataclass(frozen=True)
class Working:
    """The step's container runs."""


@dataclass(frozen=True)
class Lost:
    """The pod was taken away before the step had ended."""


@dataclass(frozen=True)
class Succeeded:
    """The step has ended well; `result` is what the launcher says."""

    result: Mapping[str, Any]


@dataclass(frozen=True)
class Failed:
    """The step has ended badly; `message` says how."""

    message: str


Outcome = Waiting | Working | Lost | Succeeded | Failed


def of_pod(pod: Pod | None, objects: Objects) -> Outcome:
    """Return what became of a step.

    Args:
        pod: None if there is none (any more).
        objects: to read long results from.

    Raises:
        OSError: the object store cannot be reached; try again.
    """
    if pod is None:
        return Lost()
    status = pod.get("status", {})
    leaving = "deletionTimestamp" in pod["metadata"]
    state = _main_state(status)
    if ended := state.get("terminated"):
        if ended["exitCode"] == 0:
            return _result(ended.get("message", ""), objects)
        # A pod that is deleted ends as if its program had failed.
        return Lost() if leaving else Failed(_failure(ended))
    if leaving:
        # It may still end well: then its status says so before it is gone.
        return Working()
    if status.get("phase") == "Failed":
        return Failed(_of_whole_pod(status))
    if status.get("phase") == "Succeeded":
        return Failed("the pod has ended, but nothing is known of its container")
    return Working() if "running" in state else Waiting()


def _main_state(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or []:
        if container["name"] == MAIN:
            state: Mapping[str, Any] = container.get("state") or {}
            return state
    return {}


def _result(message: str, objects: Objects) -> Outcome:
    try:
        result = json.loads(message)
        if "at" in result:
            content = objects.get(result["at"])
            if content is None:
                return Failed(f"the step's result is not in the object store: {result['at']}")
            result = json.loads(content)
    except (ValueError, TypeError):
        return Failed(f"the launcher's result is not understood: {message[:200]!r}")
    return Succeeded(result)


def _failure(ended: Mapping[str, Any]) -> str:
    message = str(ended.get("message", ""))
    try:
        found = json.loads(message)["error"]
    except (ValueError, TypeError, KeyError):
        found = message.strip()
    if ended.get("reason") == "OOMKilled":
        found = f"OOMKilled (exit code {ended['exitCode']})"
    return str(found or f"Error (exit code {ended['exitCode']})")


def _of_whole_pod(status: Mapping[str, Any]) -> str:
    """Return why a pod has failed although its container says nothing."""
    for container in status.get("initContainerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated")
        if ended and ended["exitCode"] != 0:
            return f"init container {container['name']!r}: {_failure(ended)}"
    words = [status.get("reason", ""), status.get("message", "")]
    return ": ".join(filter(None, words)) or "the pod has failed"


def outputs_of(component: Any, planned: Mapping[str, Artifact], result: Mapping[str, Any]) -> Values:
    """Return a step's outputs.

    Contract: kubeflow/pipelines, backend/src/v2/component/launcher_v2.go (`collectOutputParameters`,
    `mergeRuntimeArtifacts`): what the step wrote as `ExecutorOutput` counts more than its files.

    Args:
        component: its `ComponentSpec`.
        planned: its artifacts as they were promised.
        result: what the launcher says.

    Raises:
        ValueError: an output is missing, or not what its type says.
    """
    said = result.get("metadata") or {}
    if not isinstance(said, dict):
        raise ValueError(f"the step's output metadata is no object: {said!r}")
    spoken, files = said.get("parameterValues") or {}, result.get("parameters") or {}
    values = Values()
    for name, declared in component.output_definitions.parameters.items():
        if name in spoken:
            values.parameters[name] = whole(spoken[name])
        elif name in files:
            try:
                values.parameters[name] = from_text(declared.parameter_type, files[name])
            except ValueError as error:
                raise ValueError(f"failed to read output parameter {name!r}: {error}") from error
        else:
            raise ValueError(f"failed to read output parameter {name!r}: the step did not write it")
    for name, artifact in planned.items():
        found = ((said.get("artifacts") or {}).get(name) or {}).get("artifacts") or [{}]
        metadata = {**artifact.metadata, **(found[0].get("metadata") or {})}
        uri = found[0].get("uri") or artifact.uri
        values.artifacts[name] = [replace(artifact, uri=uri, metadata=whole(metadata))]
    return values
