"""Brings the namespace of a profile to what Pipelines needs there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import kopf

from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.objectstore.keys import SECRET, read_keys
from labkubeflow.profiles.pipelines.objects import content

_RETRY_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


def reconcile(kube: Kube, own: str, namespace: Mapping[str, Any]) -> None:
    """Make what a profile's namespace needs.

    Args:
        kube: reads and writes objects.
        own: the namespace in which the object store has its keys.
        namespace: the profile's.

    Raises:
        kopf.TemporaryError: the object store has no keys yet, PodDefaults are not defined yet, or the API
            server did not answer.
    """
    name = namespace["metadata"]["name"]
    try:
        keys = read_keys(kube, own)
        if keys is None:
            raise kopf.TemporaryError(f"there is no Secret {SECRET} in {own} yet", delay=_RETRY_SECONDS)
        for path, item in content(name, keys):
            kube.ensure(path, item)
    except KubeError as error:
        # 404 has two reasons: the namespace is gone, or the application that defines PodDefaults comes later.
        if _going(kube, name):
            return
        raise kopf.TemporaryError(str(error), delay=_RETRY_SECONDS) from error
    _LOG.info("namespace %s has what Pipelines needs", name)


def _going(kube: Kube, name: str) -> bool:
    try:
        return "deletionTimestamp" in kube.request("GET", f"/api/v1/namespaces/{name}")["metadata"]
    except KubeError as error:
        return error.status == 404
