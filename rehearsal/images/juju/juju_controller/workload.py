"""The Kubernetes objects of an application."""

from __future__ import annotations

import copy
from typing import Any

from .charmhub import Charm

APPLICATION_LABEL = "app.kubernetes.io/name"
MANAGED = {"app.kubernetes.io/managed-by": "juju"}


def labels(application: str) -> dict[str, str]:
    """The labels on everything that belongs to an application."""
    return {APPLICATION_LABEL: application, **MANAGED}


def manifests(charm: Charm) -> list[dict[str, Any]]:
    """All objects of an application, without a namespace."""
    own = labels(charm.name)
    work = charm.workload
    selector = {APPLICATION_LABEL: charm.name}
    pod = copy.deepcopy(dict(work.pod))
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": own}, "spec": pod},
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
    return [service, *extra, controller]
