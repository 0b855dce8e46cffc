"""Creates objects while what the API server asks about them may be away for a moment."""

from __future__ import annotations

import time

from lab.testing.kube import Kube, KubeError, Object
from lab.testing.waiting import Clock, Pending, wait_until

OUTAGE = 180.0
"""For how many seconds a webhook may be away: its pod, when it is deleted, comes back within them."""

_AWAY = "failed calling webhook"
"""What the API server says then, with HTTP status 500 (kubernetes/apiserver, admission webhooks)."""


def create(kube: Kube, item: Object, *, deadline: float = OUTAGE, clock: Clock = time) -> Object:
    """Create an object, with patience for a webhook that does not answer.

    Args:
        kube: The lab's Kubernetes.
        item: The object.
        deadline: For how many seconds the webhook may be away.
        clock: For tests.

    Raises:
        KubeError: The API server refused it.
        WaitTimeout: The webhook was away for too long.
    """

    def attempt() -> Object | Pending:
        try:
            return kube.create(item)
        except KubeError as error:
            if _AWAY in error.message:
                return Pending(error.message)
            raise

    made = attempt()
    if not isinstance(made, Pending):
        return made
    what = f"the creation of {item['kind']} {item['metadata']['name']}"
    return wait_until(attempt, what=what, deadline=deadline, clock=clock)
