"""The cluster, as the controller needs it; and the real one through the kubernetes client."""

from __future__ import annotations

import json
import logging
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import urllib3
from kubernetes import client, utils, watch
from kubernetes.client.exceptions import ApiException

from .charmhub import Charm, Scalar
from .lifecycle import Pod
from .workload import APPLICATION_LABEL, MANAGED, OPTIONS_HASH, options_hash, options_secret

_LOG = logging.getLogger(__name__)
_SELECTOR = ",".join(f"{key}={value}" for key, value in MANAGED.items())
FAULT = "rehearsal/fault"
"""Annotation of a pod: the hook that fails for as long as it is there. A switch for tests of faults."""

_STATE_LABEL = {"controller.juju.is/state": "model"}
_WATCH_SECONDS = 300
_RETRY_SECONDS = 1.0


class ExistsError(Exception):
    """The object exists already."""


class Cluster(Protocol):
    """What the controller reads and writes."""

    def create_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        """Create a model's namespace; ExistsError if there is one of that name."""

    def delete_namespace(self, name: str) -> None:
        """Begin to delete a namespace; an absent one is no error."""

    def namespace_exists(self, name: str) -> bool:
        """Whether a namespace is (still) there."""

    def create(self, namespace: str, manifests: list[dict[str, Any]]) -> None:
        """Create objects; those that exist are left alone."""

    def configure(self, namespace: str, charm: Charm, options: Mapping[str, Scalar]) -> None:
        """Give an application's pod its options; it is made anew if they have changed."""

    def service_address(self, namespace: str, name: str) -> str:
        """A service's cluster address."""

    def pods(self, namespace: str) -> Mapping[str, tuple[Pod, ...]]:
        """Pods of a namespace by application."""

    def balancers(self, namespace: str) -> Mapping[str, str]:
        """External addresses of a namespace's services."""

    def load(self) -> list[str]:
        """The saved models."""

    def save(self, name: str, text: str) -> None:
        """Save a model."""

    def forget(self, name: str) -> None:
        """Drop a saved model."""


def pod_of(item: Any) -> Pod:
    """Reduce a pod to what matters; one that is being deleted counts as not ready."""
    conditions = item.status.conditions or []
    ready = any(c.type == "Ready" and c.status == "True" for c in conditions)
    return Pod(
        name=item.metadata.name,
        uid=item.metadata.uid,
        address=item.status.pod_ip or "",
        ready=ready and item.metadata.deletion_timestamp is None,
        failing_hook=(item.metadata.annotations or {}).get(FAULT, ""),
    )


class _Cache:
    """All objects of one kind in the whole cluster that Juju manages, kept current by a watch."""

    def __init__(self, listing: Callable[..., Any], changed: Callable[[], None]) -> None:
        self._listing = listing
        self._changed = changed
        self._items: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.filled = threading.Event()

    def items(self, namespace: str) -> list[Any]:
        """The objects of a namespace."""
        with self._lock:
            return [item for (space, _), item in self._items.items() if space == namespace]

    def run(self) -> None:
        """List and watch, for ever: the API server may restart at any time (it does for rbac)."""
        while True:
            try:
                self._follow()
            except (ApiException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                _LOG.info("watch of %s interrupted: %s", self._listing.__name__, str(error).splitlines()[0])
                time.sleep(_RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self._listing(label_selector=_SELECTOR)
        with self._lock:
            self._items = {(i.metadata.namespace, i.metadata.name): i for i in listed.items}
        self.filled.set()
        self._changed()
        version = listed.metadata.resource_version
        stream = watch.Watch().stream(
            self._listing,
            label_selector=_SELECTOR,
            resource_version=version,
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=_WATCH_SECONDS + 30,
        )
        for event in stream:
            item = event["object"]
            key = (item.metadata.namespace, item.metadata.name)
            with self._lock:
                if event["type"] == "DELETED":
                    self._items.pop(key, None)
                else:
                    self._items[key] = item
            self._changed()


class KubernetesCluster:
    """The cluster this controller runs in.

    Args:
        namespace: the controller's own; the models are saved there as secrets, for they hold passwords.
        controller_uuid: recorded on the namespaces of models.
        changed: called whenever a pod or service has changed.
    """

    def __init__(self, namespace: str, controller_uuid: str, changed: Callable[[], None]) -> None:
        self._namespace = namespace
        self._uuid = controller_uuid
        self._core = client.CoreV1Api()
        self._pods = _Cache(client.CoreV1Api().list_pod_for_all_namespaces, changed)
        self._services = _Cache(client.CoreV1Api().list_service_for_all_namespaces, changed)

    def start(self) -> None:
        """Start the watches and wait for their first lists."""
        for cache in (self._pods, self._services):
            threading.Thread(target=cache.run, daemon=True).start()
        for cache in (self._pods, self._services):
            cache.filled.wait()

    def create_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        """See :class:`Cluster`."""
        body = {
            "metadata": {
                "name": name,
                "labels": {**MANAGED, "model.juju.is/name": name},
                "annotations": {"controller.juju.is/id": self._uuid, **annotations},
            }
        }
        try:
            self._core.create_namespace(body)
        except ApiException as error:
            if error.status == 409:
                raise ExistsError(name) from None
            raise

    def delete_namespace(self, name: str) -> None:
        """See :class:`Cluster`."""
        try:
            self._core.delete_namespace(name)
        except ApiException as error:
            # 409: it is being deleted already.
            if error.status not in (404, 409):
                raise

    def namespace_exists(self, name: str) -> bool:
        """See :class:`Cluster`."""
        try:
            self._core.read_namespace(name)
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def create(self, namespace: str, manifests: list[dict[str, Any]]) -> None:
        """See :class:`Cluster`."""
        for manifest in manifests:
            try:
                utils.create_from_dict(self._core.api_client, manifest, namespace=namespace)
            except utils.FailToCreateError as failure:
                for error in failure.api_exceptions:
                    if error.status != 409:
                        raise

    def configure(self, namespace: str, charm: Charm, options: Mapping[str, Scalar]) -> None:
        """See :class:`Cluster`."""
        secret = options_secret(charm, options)
        self._core.patch_namespaced_secret(
            secret["metadata"]["name"], namespace, secret, _preload_content=False
        )
        template = {"metadata": {"annotations": {OPTIONS_HASH: options_hash(options)}}}
        apps = client.AppsV1Api(self._core.api_client)
        kind = charm.workload.kind
        patch = (
            apps.patch_namespaced_stateful_set if kind == "StatefulSet" else apps.patch_namespaced_deployment
        )
        patch(charm.name, namespace, {"spec": {"template": template}}, _preload_content=False)

    def service_address(self, namespace: str, name: str) -> str:
        """See :class:`Cluster`."""
        service = self._core.read_namespaced_service(name, namespace)
        return str(service.spec.cluster_ip or "")

    def pods(self, namespace: str) -> Mapping[str, tuple[Pod, ...]]:
        """See :class:`Cluster`."""
        found: dict[str, tuple[Pod, ...]] = {}
        for item in self._pods.items(namespace):
            name = (item.metadata.labels or {}).get(APPLICATION_LABEL, "")
            found[name] = (*found.get(name, ()), pod_of(item))
        return found

    def balancers(self, namespace: str) -> Mapping[str, str]:
        """See :class:`Cluster`."""
        found = {}
        for item in self._services.items(namespace):
            for ingress in (item.status.load_balancer.ingress if item.status.load_balancer else None) or []:
                found[item.metadata.name] = ingress.ip or ingress.hostname or ""
        return found

    def load(self) -> list[str]:
        """See :class:`Cluster`."""
        selector = ",".join(f"{key}={value}" for key, value in _STATE_LABEL.items())
        answer = self._core.list_namespaced_secret(
            self._namespace, label_selector=selector, _preload_content=False
        )
        return [b64decode(item["data"]["model.json"]).decode() for item in json.loads(answer.data)["items"]]

    def save(self, name: str, text: str) -> None:
        """See :class:`Cluster`."""
        secret = f"model-{name}"
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "labels": {**MANAGED, **_STATE_LABEL}},
            "stringData": {"model.json": text},
        }
        try:
            self._core.patch_namespaced_secret(secret, self._namespace, body, _preload_content=False)
        except ApiException as error:
            if error.status != 404:
                raise
            self._core.create_namespaced_secret(self._namespace, body, _preload_content=False)

    def forget(self, name: str) -> None:
        """See :class:`Cluster`."""
        try:
            self._core.delete_namespaced_secret(f"model-{name}", self._namespace)
        except ApiException as error:
            if error.status != 404:
                raise
