"""The pods of all steps as the API server has them: listed once, then watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from labkubeflow.pipelines.engine.pods import RUN_LABEL, SELECTOR
from labkubeflow.pipelines.engine.ports import GoneError, Kube, Pod

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 3.0
REMEMBERED = 500
"""How many pods are remembered that had ended before they were deleted: somebody may still ask how."""


def run_of(pod: Pod) -> str:
    """Return the ID of the run that a pod belongs to."""
    return str(pod["metadata"]["labels"][RUN_LABEL])


class PodMirror:
    """Knows the pods, and tells whose have changed.

    Args:
        kube: where they come from.
        changed: called with the ID of a run, from the thread that watches.
    """

    def __init__(self, kube: Kube, changed: Callable[[str], None]) -> None:
        self._kube = kube
        self._changed = changed
        self._pods: dict[tuple[str, str], Pod] = {}
        self._gone: dict[tuple[str, str], Pod] = {}
        self._lock = threading.Lock()
        self._listed = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to watch, in a thread that ends with the process."""
        threading.Thread(target=self._follow, name="pods", daemon=True).start()

    def stop(self) -> None:
        """Stop watching, at the latest when the API server ends the watch."""
        self._stopping.set()

    def wait_listed(self, seconds: float) -> bool:
        """Return whether all pods are known, after waiting for that at most so long."""
        return self._listed.wait(seconds)

    def find(self, namespace: str, name: str) -> Pod | None:
        """Return a pod.

        Raises:
            OSError: it is not known here, and the API server cannot be asked.
        """
        with self._lock:
            key = (namespace, name)
            if found := self._pods.get(key) or self._gone.get(key):
                return found
        # The list may be older than the pod.
        pod = self._kube.get(namespace, name)
        if pod is not None:
            self.add(pod)
        return pod

    def add(self, pod: Pod) -> None:
        """Note a pod that was just made, unless the watch was faster."""
        with self._lock:
            self._pods.setdefault((pod["metadata"]["namespace"], pod["metadata"]["name"]), pod)

    def of_run(self, run_id: str) -> list[Pod]:
        """Return the pods of a run."""
        with self._lock:
            return [pod for pod in self._pods.values() if run_of(pod) == run_id]

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                version = self._list()
                while not self._stopping.is_set():
                    version = self._watch(version)
            except GoneError:
                continue
            except OSError as error:
                LOG.warning("pods cannot be watched: %s", error)
                self._stopping.wait(RETRY_SECONDS)
            except Exception:  # the thread must go on: without it all runs stand still
                LOG.exception("pods cannot be watched")
                self._stopping.wait(RETRY_SECONDS)

    def _list(self) -> str:
        pods, version = self._kube.list(SELECTOR)
        found = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod for pod in pods}
        with self._lock:
            before, self._pods = self._pods, found
        self._listed.set()
        self._tell([*before.values(), *pods])
        return version

    def _watch(self, version: str) -> str:
        for kind, pod in self._kube.watch(SELECTOR, version):
            if self._stopping.is_set():
                break
            version = pod["metadata"]["resourceVersion"]
            if kind == "BOOKMARK":
                continue
            key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            with self._lock:
                if kind == "DELETED":
                    self._delete(key, pod)
                else:
                    self._pods[key] = pod
            self._tell([pod])
        return version

    def _delete(self, key: tuple[str, str], pod: Pod) -> None:
        self._pods.pop(key, None)
        if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            self._gone[key] = pod
            while len(self._gone) > REMEMBERED:
                del self._gone[next(iter(self._gone))]

    def _tell(self, pods: Iterable[Pod]) -> None:
        for run_id in sorted({run_of(pod) for pod in pods}):
            self._changed(run_id)
