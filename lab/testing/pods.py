"""Watches pods for trouble that no amount of waiting mends, and waits for what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lab.testing.kube import Kube, KubeError, Object
from lab.testing.waiting import Clock, Pending, wait_until

PATIENCE: dict[str, float] = {
    # A registry may refuse one pull and serve the next.
    "ErrImagePull": 45.0,
    "ImagePullBackOff": 45.0,
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "CrashLoopBackOff": 0.0,
    "RunContainerError": 20.0,
    "CreateContainerError": 20.0,
    # A Secret or ConfigMap may be made a moment after the pod that needs it.
    "CreateContainerConfigError": 30.0,
    # Also the state of a pod whose claim is being provisioned.
    "Unschedulable": 90.0,
}
"""For how many seconds each kind of trouble is watched before it counts."""

_SAME = {"ImagePullBackOff": "ErrImagePull"}
"""Two names of one trouble: a pod goes from one to the other and back, and its time runs on."""


class PodWatch:
    """Looks for trouble with the pods of a namespace; made to be a guard of `wait_until`.

    Args:
        kube: The lab's Kubernetes.
        namespace: Where the pods are.
        labels: A selector, for some of the pods only.
        prefix: What the names of the pods begin with.
        clock: For tests.
    """

    def __init__(
        self, kube: Kube, namespace: str, *, labels: str = "", prefix: str = "", clock: Clock = time
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._labels = labels
        self._prefix = prefix
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}

    def __call__(self) -> str | None:
        """Return what is wrong with which pod, once it has been for long enough."""
        now = self._clock.monotonic()
        seen: dict[tuple[str, str], tuple[str, str]] = {}
        try:
            pods = self._kube.list("v1", "Pod", self._namespace, labels=self._labels)
        except KubeError:
            return None
        for pod in pods:
            if pod["metadata"]["name"].startswith(self._prefix):
                for reason, message in troubles(pod):
                    seen[pod["metadata"]["name"], _SAME.get(reason, reason)] = (reason, message)
        # What went away and comes back starts anew.
        self._since = {key: self._since.get(key, now) for key in seen}
        for (name, trouble), (reason, message) in seen.items():
            if now - self._since[name, trouble] >= PATIENCE[reason]:
                return f"pod {name}: {reason}: {message}" if message else f"pod {name}: {reason}"
        return None


def troubles(pod: Object) -> Iterator[tuple[str, str]]:
    """Yield reason and message of everything that is wrong with a pod."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("reason") == "Unschedulable":
            yield "Unschedulable", condition.get("message", "")
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or ():
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") in PATIENCE:
                yield waiting["reason"], waiting.get("message", "")


def describe(pod: Object) -> str:
    """Return in one line what state a pod is in."""
    status = pod.get("status") or {}
    why = [f"{reason}: {message}".rstrip(": ") for reason, message in troubles(pod)]
    ready = sum(1 for container in status.get("containerStatuses") or () if container.get("ready"))
    containers = len((pod.get("spec") or {}).get("containers") or ())
    text = f"{status.get('phase', 'Unknown')}, {ready}/{containers} ready"
    return "; ".join([text, *why])


def wait_for_pod(
    kube: Kube,
    namespace: str,
    name: str,
    condition: Callable[[Object], bool],
    *,
    what: str,
    deadline: float,
    clock: Clock = time,
) -> Object:
    """Wait until a pod fulfils a condition; end early when a pod of its namespace is in trouble."""

    def look() -> Object | Pending:
        pod = kube.get("v1", "Pod", name, namespace)
        if pod is None:
            return Pending("it does not exist")
        return pod if condition(pod) else Pending(describe(pod))

    guard = PodWatch(kube, namespace, clock=clock)
    return wait_until(
        look, what=f"pod {name} {what}", deadline=deadline, guard=guard, tolerate=(KubeError,), clock=clock
    )


def is_ready(pod: Object) -> bool:
    """Whether a pod's condition Ready is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def is_over(pod: Object) -> bool:
    """Whether all containers of a pod have ended, well or not."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def run_to_end(kube: Kube, namespace: str, name: str, *, deadline: float) -> str:
    """Wait until a pod has ended, and return its log.

    Raises:
        AssertionError: It did not succeed; the log is in the error.
    """
    pod = wait_for_pod(kube, namespace, name, is_over, what="to end", deadline=deadline)
    log = kube.logs(namespace, name)
    phase = pod["status"]["phase"]
    if phase != "Succeeded":
        raise AssertionError(f"pod {name} ended as {phase}; its log:\n{log}")
    return log
