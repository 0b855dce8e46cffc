"""Proves that objects are refused, while what refuses them may be away for a moment.

Katib's webhooks have the failure policy Ignore (kubeflow/katib, manifests/v1beta1/components/webhook): while
no pod answers for them the API server lets in whatever its schema allows.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from lab.testing.creation import OUTAGE
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.waiting import Clock, Pending, wait_until

ADMISSION = "admissionregistration.k8s.io/v1"

SETTLED = timedelta(seconds=30)
"""After a pod has become ready all nodes know of it within this time."""


def refusal(kube: Kube, item: Object, *, deadline: float = OUTAGE, clock: Clock = time) -> KubeError:
    """Send an object that must be refused, and return the refusal.

    When the object was let in while a webhook for it was away, it is deleted and sent again.

    Args:
        kube: The lab's Kubernetes.
        item: The object.
        deadline: For how many seconds a webhook may be away.
        clock: For tests.

    Raises:
        AssertionError: It was let in although its webhooks were there, or there are none.
        WaitTimeout: A webhook was away for too long.
    """
    kind, metadata = item["kind"], item["metadata"]

    def attempt() -> KubeError | Pending:
        try:
            made = kube.create(item)
        except KubeError as error:
            if 400 <= error.status < 500 and error.status != 409:
                return error
            return Pending(error.message)
        kube.delete(item["apiVersion"], kind, metadata["name"], metadata["namespace"])
        away = _away(kube, item, datetime.fromisoformat(made["metadata"]["creationTimestamp"]))
        if not away:
            raise AssertionError(f"{kind} {metadata['name']} was let in")
        return Pending(f"it was let in, for the webhook was away: {away}")

    return wait_until(
        attempt,
        what=f"the refusal of {kind} {metadata['name']}",
        deadline=deadline,
        tolerate=(KubeError,),
        clock=clock,
    )


def _away(kube: Kube, item: Object, then: datetime) -> str:
    """Return which service of a webhook for an object was not there at a time; empty if all were."""
    group = item["apiVersion"].rpartition("/")[0]
    plural = kube.path(item["apiVersion"], item["kind"]).rpartition("/")[2]
    for configuration in kube.list(ADMISSION, "ValidatingWebhookConfiguration"):
        for hook in configuration.get("webhooks") or ():
            service = hook["clientConfig"].get("service")
            asked = any(
                group in rule["apiGroups"] and plural in rule["resources"] for rule in hook.get("rules") or ()
            )
            if asked and service and not _was_there(kube, service["namespace"], service["name"], then):
                return f"service {service['name']}"
    return ""


def _was_there(kube: Kube, namespace: str, service: str, then: datetime) -> bool:
    """Whether all pods behind a service had been ready for some time, and still are."""
    endpoints = kube.get("v1", "Endpoints", service, namespace) or {}
    addresses = [
        address for subset in endpoints.get("subsets") or () for address in subset.get("addresses") or ()
    ]
    pods = [kube.get("v1", "Pod", address["targetRef"]["name"], namespace) for address in addresses]
    return bool(pods) and all(pod and _ready_since(pod, then - SETTLED) for pod in pods)


def _ready_since(pod: Object, then: datetime) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and datetime.fromisoformat(condition["lastTransitionTime"]) <= then
        for condition in pod["status"].get("conditions") or ()
    )
