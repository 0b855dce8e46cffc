"""The cluster as Katib's controller needs it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from labkubeflow.common.kube import MERGE_PATCH, KubeError

from . import names
from .conditions import now
from .names import COLLECT_LABEL, EXPERIMENT_LABEL, Object
from .template import TemplateError

_LOG = logging.getLogger(__name__)

LOG_BYTES = 4 * 1024 * 1024
"""How much of a trial's log is looked at."""


class Client(Protocol):
    """The part of `labkubeflow.common.kube.Kube` that is used."""

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> Object:
        """Send one request and return the answer."""

    def text(self, path: str, *, query: Mapping[str, str] | None = None) -> str:
        """Return what is no object."""


class Cluster:
    """Reads and writes objects.

    What is gone or there already is no error: whoever asks looks again after the next change.

    Args:
        kube: sends the requests.
    """

    def __init__(self, kube: Client) -> None:
        self._kube = kube

    def get(self, path: str) -> Object | None:
        """Return an object, or None if there is none.

        Raises:
            KubeError: the API server refused.
        """
        try:
            return self._kube.request("GET", path)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def of_experiment(self, path: str, experiment: str) -> list[Object]:
        """Return the objects that carry an experiment's label, the oldest first.

        Raises:
            KubeError: the API server refused.
        """
        return self._list(path, f"{EXPERIMENT_LABEL}={experiment}")

    def _list(self, path: str, selector: str) -> list[Object]:
        items: list[Object] = (
            self._kube.request("GET", path, query={"labelSelector": selector})["items"] or []
        )
        return sorted(items, key=lambda item: item["metadata"].get("creationTimestamp") or "")

    def create(self, path: str, body: Object) -> bool:
        """Create an object; tell whether it was not there before.

        Raises:
            KubeError: the API server refused.
        """
        try:
            self._kube.request("POST", path, body)
        except KubeError as error:
            if error.status != 409:
                raise
            return False
        return True

    def delete(self, path: str, *, foreground: bool = False) -> None:
        """Delete an object.

        Args:
            path: of the object.
            foreground: what it owns goes first.

        Raises:
            KubeError: the API server refused.
        """
        policy = "Foreground" if foreground else "Background"
        try:
            self._kube.request("DELETE", path, {"propagationPolicy": policy})
        except KubeError as error:
            if error.status != 404:
                raise

    def replace(self, path: str, item: Object) -> Object:
        """Write an object, or with a path that ends in `/status` its status.

        Raises:
            KubeError: the API server refused: 409 if someone else changed it meanwhile.
        """
        return self._kube.request("PUT", path, item)

    def annotate(self, path: str, annotations: Mapping[str, str]) -> Object:
        """Add annotations to an object; return it with them.

        Raises:
            KubeError: the API server refused.
        """
        change = {"metadata": {"annotations": dict(annotations)}}
        return self._kube.request("PATCH", path, change, kind=MERGE_PATCH)

    def collects(self, namespace: str) -> bool:
        """Tell whether metrics are collected in a namespace: its label says so.

        Raises:
            KubeError: the API server refused.
        """
        found = self.get(f"/api/v1/namespaces/{namespace}") or {}
        labels = (found.get("metadata") or {}).get("labels") or {}
        return bool(labels.get(COLLECT_LABEL) == "enabled")

    def logs(self, namespace: str, job: str, labels: Mapping[str, str], container: str) -> list[str]:
        """Return what a container of a Job's pods wrote, the oldest pod's first.

        Args:
            namespace: of the Job.
            job: its name.
            labels: which pods must carry these, too, to count.
            container: the container's name.

        Raises:
            KubeError: the API server refused.
        """
        selector = ",".join(f"{key}={value}" for key, value in {**labels, "job-name": job}.items())
        path = f"/api/v1/namespaces/{namespace}/pods"
        query = {"container": container, "limitBytes": str(LOG_BYTES)}
        found = []
        for pod in self._list(path, selector):
            if (pod.get("status") or {}).get("phase") not in ("Running", "Succeeded"):
                continue
            try:
                found.append(self._kube.text(f"{path}/{pod['metadata']['name']}/log", query=query))
            except KubeError as error:
                # 404: the pod is gone. 400: the container has not started, or there is none of that name.
                if error.status not in (400, 404):
                    raise
        return found

    def try_job(self, namespace: str, job: Object) -> Object:
        """Ask the API server what it would make of a Job.

        Raises:
            TemplateError: it would refuse it for what it is.
            KubeError: the question could not be asked.
        """
        try:
            return self._kube.request("POST", names.jobs(namespace), job, query={"dryRun": "All"})
        except KubeError as error:
            if error.status in (400, 422):
                raise TemplateError(str(error)) from None
            raise

    def tell(self, item: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Write an event about an object, if that is possible."""
        metadata = item["metadata"]
        time = now()
        body = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": item["apiVersion"],
                "kind": item["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "katib-controller"},
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        }
        try:
            self._kube.request("POST", f"/api/v1/namespaces/{metadata['namespace']}/events", body)
        except KubeError as error:
            _LOG.warning("event about %s: %s", metadata["name"], error)
