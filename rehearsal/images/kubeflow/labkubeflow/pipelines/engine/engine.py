"""The engine as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkubeflow.pipelines.engine.ports import Kube, Objects
from labkubeflow.pipelines.model import Store


class Engine:
    """Runs pipelines. Its methods may be called from any thread, and return at once.

    Args:
        kube: the cluster's pods.
        objects: the object store, to read what steps have written.
        store: where runs are kept.
    """

    def __init__(self, kube: Kube, objects: Objects, store: Store) -> None:
        raise NotImplementedError

    @staticmethod
    def validate(spec: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, root: str = "") -> None:
        """Say whether a compiled pipeline can be run.

        Args:
            spec: see `RunRequest.pipeline_spec`.
            parameters: if given, these are compared with the pipeline's inputs as well.
            root: `RunRequest.pipeline_root`.

        Raises:
            InvalidPipeline: it cannot; the text says why.
        """

    def resume(self) -> None:
        """Start, and go on with all runs that are not finished. Call it once, before the others."""

    def submit(self, run_id: str) -> None:
        """Begin a run that has been put into the store.

        Raises:
            UnknownRun: it is not there.
        """

    def terminate(self, run_id: str) -> None:
        """End a run: its pods are deleted; it becomes CANCELING, then CANCELED. A finished one stays as it is.

        Raises:
            UnknownRun: it is not there.
        """

    def forget(self, run_id: str) -> None:
        """Delete what a run has left in the cluster; call it when a run is deleted. Unknown runs are fine."""

    def stop(self) -> None:
        """Stop working, within some seconds. What is running in the cluster goes on."""
