"""Names that follow from a run and the place of a task in it, so that a restarted engine finds all again."""

from __future__ import annotations

import hashlib
import re
import uuid

_NAMESPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def task_id(run_id: str, path: str) -> str:
    """Return the ID of a task."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}/{path}"))


def child_path(path: str, name: str) -> str:
    """Return the path of a task in a DAG."""
    return f"{path}/{name}" if path else name


def pod_name(pipeline: str, run_id: str, path: str, attempt: int, lost: int) -> str:
    """Return the name of a step's pod.

    Args:
        pipeline: name of the pipeline; people recognise the pod by it.
        run_id: of the run.
        path: of the executor.
        attempt: see `TaskDetail`.
        lost: see `TaskDetail`.
    """
    digest = hashlib.sha256(f"{run_id}/{path}/{attempt}/{lost}".encode()).hexdigest()[:10]
    readable = re.sub("[^a-z0-9-]", "-", pipeline.lower())[:40].strip("-") or "pipeline"
    return f"{readable}-{digest}"


def artifact_uri(root: str, pipeline: str, run_id: str, path: str, name: str) -> str:
    """Return where a task's artifact is kept.

    Contract: kubeflow/pipelines, backend/src/v2/metadata/client.go (`GenerateOutputURI`): the run's own root
    is `root/pipeline/run`, below it the task's name and the artifact's. Here the path of the task stands
    in the task's place, so that two iterations of a loop do not write to the same place.
    """
    return f"{root}/{pipeline}/{run_id}/{re.sub('[^A-Za-z0-9_.=/-]', '_', path)}/{name}"
