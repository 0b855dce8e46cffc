"""The API server's question about a pod, and the answer (admission.k8s.io/v1, AdmissionReview)."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkubeflow.poddefault.merge import PREFIX, ConflictError, merged
from labkubeflow.poddefault.selector import SelectorError, matches

Object = dict[str, Any]
Defaults = Callable[[str], Sequence[Object]]
"""Returns the PodDefaults of a namespace."""

EXCLUDE = f"{PREFIX}/exclude"
"""Annotation of a pod that is to be left alone."""

_MIRROR = "kubernetes.io/config.mirror"
"""Annotation of a pod that the kubelet runs from a file: it is there already, whatever we say."""

_LOG = logging.getLogger(__name__)


def answer(review: Mapping[str, Any], defaults: Defaults) -> Object:
    """Return the review with the answer: the pod is let in, with a patch if PodDefaults select it; or not.

    Args:
        review: the question, about a pod to be created.
        defaults: looks up PodDefaults.

    Raises:
        KubeError: they could not be looked up; the API server is to be told that there is no answer.
    """
    request = review["request"]
    response = {"uid": request["uid"], **_response(request, defaults)}
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}


def _response(request: Mapping[str, Any], defaults: Defaults) -> Object:
    pod = request["object"]
    annotations = pod["metadata"].get("annotations") or {}
    if annotations.get(EXCLUDE) == "true" or _MIRROR in annotations:
        return {"allowed": True}
    labels = pod["metadata"].get("labels") or {}
    found: list[Object] = []
    for default in defaults(request["namespace"]):
        try:
            if matches(default["spec"]["selector"], labels):
                found.append(default)
        except SelectorError as error:
            return _refused(f"label selector conversion failed: {error}")
    if not found:
        return {"allowed": True}
    named = ",".join(default["metadata"]["name"] for default in found)
    # A pod that a controller makes has no name yet.
    name = pod["metadata"].get("name") or pod["metadata"].get("generateName", "")
    try:
        patch = _patch(pod, merged(pod, found))
    except ConflictError as error:
        return _refused(f"conflict occurred while applying poddefaults: {named} on pod: {name} err: {error}")
    _LOG.info("pod %s in %s gets %s", name, request["namespace"], named)
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def _refused(message: str) -> Object:
    _LOG.warning("refused: %s", message)
    return {"allowed": False, "status": {"message": message}}


def _patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Object]:
    """Return the JSON patch from one pod to another that has more, field by field."""
    return [
        {"op": "add", "path": f"/{part}/{field}", "value": value}
        for part in ("metadata", "spec")
        for field, value in new[part].items()
        if old[part].get(field) != value
    ]
