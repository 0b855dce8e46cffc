"""The pod of a step: the user's container, started by the launcher.

As upstream's, an init container copies the launcher into an empty volume, and the container `main` runs it
with the user's command line behind `--`. Contract: kubeflow/pipelines,
backend/src/v2/compiler/argocompiler/container.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkubeflow.pipelines.engine.kubernetes_config import KubernetesConfig
from labkubeflow.pipelines.engine.placeholders import METADATA_FILE, CommandLine, StepFiles, local_path
from labkubeflow.pipelines.engine.ports import Pod

MAIN = "main"
RUN_LABEL = "pipeline/runid"
SELECTOR = f"pipelines.kubeflow.org/v2_component=true,{RUN_LABEL}"
"""All pods of steps, of all runs."""

_LAUNCHER_DIRECTORY = "/kfp-launcher"
_LAUNCHER = f"{_LAUNCHER_DIRECTORY}/launch"
_SECRET = "mlpipeline-minio-artifact"


@dataclass(frozen=True)
class StepSettings:
    """What all steps have in common.

    Attributes:
        launcher_image: holds the program `/launcher`.
        object_store: URL of the object store as a step sees it.
    """

    launcher_image: str = "lab/launcher:1"
    object_store: str = "http://minio.kubeflow:9000"


@dataclass(frozen=True)
class Step:
    """One attempt of a component.

    Attributes:
        container: its `PipelineContainerSpec`.
        result_uri: where the launcher leaves a result that is too long for a termination message.
        words: what `{{$.pipeline_job_uuid}}` and the like stand for.
        optional: inputs that may be missing.
    """

    name: str
    namespace: str
    service_account: str
    run_id: str
    task_name: str
    container: Any
    files: StepFiles
    result_uri: str
    kubernetes: KubernetesConfig
    words: Mapping[str, str]
    optional: tuple[str, ...] = ()


def build(step: Step, settings: StepSettings) -> Pod:
    """Return the manifest of a step's pod.

    Raises:
        UnknownPlaceholderError: the command line cannot be made.
    """
    line = CommandLine(step.files, step.optional, step.words)
    command = line.arguments([*step.container.command, *step.container.args])
    scratch = {"name": "minio-scratch", "mountPath": "/minio"}
    launcher = {"name": "kfp-launcher", "mountPath": _LAUNCHER_DIRECTORY}
    own = step.kubernetes
    main: dict[str, Any] = {
        "name": MAIN,
        "image": line.text(step.container.image),
        "command": [_LAUNCHER, "--job", json.dumps(_job(step, settings)), "--", *command],
        "env": [*_env(step, line), *own.env],
        "volumeMounts": [launcher, scratch, *own.mounts],
        "terminationMessagePolicy": "File",
    }
    if own.image_pull_policy:
        main["imagePullPolicy"] = own.image_pull_policy
    if resources := _resources(step.container.resources):
        main["resources"] = resources
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "serviceAccountName": step.service_account,
        "initContainers": [
            {
                "name": "kfp-launcher",
                "image": settings.launcher_image,
                "command": ["/launcher", "--copy", _LAUNCHER],
                "volumeMounts": [launcher],
                "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
            }
        ],
        "containers": [main],
        "volumes": [
            {"name": "kfp-launcher", "emptyDir": {}},
            {"name": "minio-scratch", "emptyDir": {}},
            *own.volumes,
        ],
    }
    if own.node_selector:
        spec["nodeSelector"] = dict(own.node_selector)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": step.name,
            "namespace": step.namespace,
            "labels": {
                **own.labels,
                RUN_LABEL: step.run_id,
                "pipelines.kubeflow.org/v2_component": "true",
            },
            "annotations": {
                **own.annotations,
                "pipelines.kubeflow.org/v2_component": "true",
                "pipelines.kubeflow.org/task_name": step.task_name,
                "sidecar.istio.io/inject": "false",
            },
        },
        "spec": spec,
    }


def _job(step: Step, settings: StepSettings) -> dict[str, Any]:
    """Return what the launcher has to do; see the launcher's source for the meaning of the keys."""
    files = step.files
    return {
        "endpoint": settings.object_store,
        "inputs": [
            {"name": name, "uri": artifacts[0].uri, "path": local_path(artifacts[0].uri)}
            for name, artifacts in files.inputs.artifacts.items()
            if artifacts
        ],
        "artifacts": [
            {"name": name, "uri": artifact.uri, "path": local_path(artifact.uri)}
            for name, artifact in files.artifacts.items()
        ],
        "parameters": [{"name": name, "path": files.output_file(name)} for name in files.parameters],
        "metadata": METADATA_FILE,
        "result": step.result_uri,
    }


def _env(step: Step, line: CommandLine) -> list[dict[str, Any]]:
    user = [{"name": item.name, "value": line.text(item.value)} for item in step.container.env]
    # The launcher keeps the keys from the user's program.
    keys = [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": _SECRET, "key": key, "optional": True}}}
        for variable, key in (("LAUNCHER_ACCESS_KEY", "accesskey"), ("LAUNCHER_SECRET_KEY", "secretkey"))
    ]
    fields = [
        {"name": variable, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for variable, path in (("KFP_POD_NAME", "metadata.name"), ("KFP_POD_UID", "metadata.uid"))
    ]
    return [*user, *fields, *keys]


def _resources(resources: Any) -> dict[str, Any]:
    """Return a container's resources; the pipeline has CPUs in cores and memory in 10^9 bytes."""
    found: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for kind, group in (("request", "requests"), ("limit", "limits")):
        for name, unit in (("cpu", ""), ("memory", "G")):
            # Newer compilers write the quantity itself.
            text = getattr(resources, f"resource_{name}_{kind}")
            number = getattr(resources, f"{name}_{kind}")
            if text or number:
                found[group][name] = text or f"{number:g}{unit}"
    accelerator = resources.accelerator
    kind, count = (
        accelerator.resource_type or accelerator.type,
        accelerator.resource_count or accelerator.count,
    )
    if kind and count:
        found["limits"][kind] = str(count)
    return {group: values for group, values in found.items() if values}
