"""The Kubernetes objects of an application."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .charmhub import Charm, Scalar

APPLICATION_LABEL = "app.kubernetes.io/name"
MANAGED = {"app.kubernetes.io/managed-by": "juju"}


def labels(application: str) -> dict[str, str]:
    """The labels on everything that belongs to an application."""
    return {APPLICATION_LABEL: application, **MANAGED}


OPTIONS_HASH = "rehearsal/options"
"""Annotation of a pod: a sum of the options that it was made with."""


def options_secret(charm: Charm, options: Mapping[str, Scalar]) -> dict[str, Any]:
    """The Secret through which an application's pod learns its options: one key an option."""
    texts = {name: json.dumps(v) if isinstance(v, bool) else str(v) for name, v in options.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{charm.name}-options", "labels": labels(charm.name)},
        "stringData": texts,
    }


def options_hash(options: Mapping[str, Scalar]) -> str:
    """A sum that differs when options do."""
    return hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode()).hexdigest()[:16]


def manifests(charm: Charm, namespace: str, options: Mapping[str, Scalar]) -> list[dict[str, Any]]:
    """All objects of an application.

    Args:
        charm: the application.
        namespace: where it goes; the objects themselves do not say so.
        options: its options with their values.
    """
    own = labels(charm.name)
    work = charm.workload
    selector = {APPLICATION_LABEL: charm.name}
    pod = copy.deepcopy(dict(work.pod))
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector},
        "template": {"metadata": _pod_metadata(charm, own, options), "spec": pod},
    }
    if work.kind == "StatefulSet":
        spec["serviceName"] = charm.name
        spec["podManagementPolicy"] = "Parallel"
        if work.storage:
            pod["containers"][0].setdefault("volumeMounts", []).append({"name": "data", "mountPath": "/data"})
            spec["volumeClaimTemplates"] = [
                {
                    "metadata": {"name": "data", "labels": own},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": work.storage}},
                    },
                }
            ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": charm.name, "labels": own},
        "spec": {
            "selector": selector,
            "ports": [{"name": "http", "port": work.port, "targetPort": work.port}],
        },
    }
    controller = {
        "apiVersion": "apps/v1",
        "kind": work.kind,
        "metadata": {"name": charm.name, "labels": own},
        "spec": spec,
    }
    extra = [copy.deepcopy(dict(item)) for item in work.extra]
    for item in extra:
        item["metadata"].setdefault("labels", {}).update(own)
        for subject in item.get("subjects", ()):
            subject.setdefault("namespace", namespace)
    secret = [options_secret(charm, options)] if work.configured else []
    return [service, *secret, *extra, controller]


def _pod_metadata(charm: Charm, own: dict[str, str], options: Mapping[str, Scalar]) -> dict[str, Any]:
    hashed = {"annotations": {OPTIONS_HASH: options_hash(options)}} if charm.workload.configured else {}
    return {"labels": own, **hashed}
