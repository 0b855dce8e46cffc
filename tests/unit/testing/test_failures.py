"""Whose a failure is follows from the error, from what was waited for, and from node and pods."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kubernetes.client.exceptions import ApiException

from lab.errors import AcceptanceError, KubeflowError
from lab.testing.failures import Kind, Surroundings, classify, look_around
from lab.testing.kube import KubeError
from lab.testing.login import GatewaySession, LoginBroken
from lab.testing.waiting import WaitAborted, WaitTimeout
from lab.transport.base import CommandError, CommandTimeout, TransportError

NO_IMAGE = "Gave up waiting for pod x: pod x: ErrImagePull: not found. Last state: Pending"
CRASH = "Gave up waiting for pod x: pod x: CrashLoopBackOff: back-off. Last state: Running"


def raised(action: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - of any kind
        action()
    return caught.value


def refused() -> object:
    return GatewaySession("http://127.0.0.1:1", "lab.test").get("/")


def behind(cause: Exception) -> Callable[[], object]:
    def action() -> object:
        raise AcceptanceError("it did not work", code="X") from cause

    return action


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (lambda: dict[str, str]()["missing"], Kind.SUITE),
        (lambda: [][0], Kind.SUITE),
        (lambda: len(3), Kind.SUITE),  # type: ignore[arg-type]
        (lambda: int("x"), Kind.SUITE),
        (lambda: json.loads("<html>"), Kind.PRODUCT),
        (refused, Kind.ENV),
        (behind(ConnectionRefusedError("refused")), Kind.ENV),
        (behind(TransportError("lost", code="X")), Kind.ENV),
        (behind(ValueError("odd")), Kind.PRODUCT),
    ],
)
def test_what_a_test_raises(action: Callable[[], object], kind: Kind) -> None:
    assert classify(raised(action)).kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AssertionError("1 == 2"), Kind.PRODUCT),
        (DeprecationWarning("old"), Kind.SUITE),
        (pytest.fail.Exception("DID NOT RAISE"), Kind.PRODUCT),
        (None, Kind.PRODUCT),
        (WaitAborted(NO_IMAGE, code="X"), Kind.ENV),
        (WaitAborted("pod x: Unschedulable: 0/1 nodes are available", code="X"), Kind.ENV),
        (WaitAborted(CRASH, code="X"), Kind.PRODUCT),
        (WaitAborted("pod x: InvalidImageName: a b", code="X"), Kind.SUITE),
        (WaitTimeout("Last state: HTTP 500", code="X"), Kind.PRODUCT),
        (WaitTimeout("Last state: dial tcp: lookup gcr.io on 10.1.1.1:53: no such host", code="X"), Kind.ENV),
        (CommandError("tar: write error: No space left on device", code="X"), Kind.ENV),
        (CommandError("juju: it failed", code="X"), Kind.PRODUCT),
        (CommandTimeout("no end", code="X"), Kind.ENV),
        (TransportError("lost", code="X"), Kind.ENV),
        (KubeError("no answer", status=0), Kind.ENV),
        (KubeError("exceeded quota", status=403), Kind.PRODUCT),
        (KubeError("spec.x: Invalid value", status=422), Kind.SUITE),
        (ApiException(status=500), Kind.PRODUCT),
        (KubeflowError("no gateway", code="X"), Kind.PRODUCT),
        (LoginBroken("no form", code="X"), Kind.PRODUCT),
        (requests.exceptions.InvalidSchema("leads elsewhere"), Kind.PRODUCT),
        (OSError(errno.ENOSPC, "full"), Kind.ENV),
    ],
)
def test_errors(error: BaseException | None, kind: Kind) -> None:
    verdict = classify(error)
    assert verdict.kind is kind
    assert verdict.reason


def test_a_word_in_an_assertion_decides_nothing() -> None:
    assert classify(AssertionError("expected 'done', got 'ErrImagePull'")).kind is Kind.PRODUCT


def test_a_node_under_pressure_is_to_blame_but_for_mistakes() -> None:
    around = Surroundings(node=("DiskPressure of the node",))
    assert classify(AssertionError(), around).kind is Kind.ENV
    assert classify(KeyError("x"), around).kind is Kind.SUITE


def test_pods_without_an_image_are_to_blame_for_waits_alone() -> None:
    around = Surroundings(pods=("an image cannot be pulled: pod x: ErrImagePull",))
    assert classify(WaitTimeout("no end", code="X"), around).kind is Kind.ENV
    assert classify(AssertionError(), around).kind is Kind.PRODUCT


class Cluster:
    """A `Kube` with one node and one pod."""

    def __init__(self, waiting: str, pressure: str) -> None:
        self._waiting, self._pressure = waiting, pressure

    def list(self, _version: str, kind: str, namespace: str | None = None) -> list[dict[str, Any]]:
        if kind == "Node":
            condition = {"type": "DiskPressure", "status": self._pressure, "message": "too little is free"}
            return [{"status": {"conditions": [condition, {"type": "Ready", "status": "True"}]}}]
        assert namespace == "ns"
        state = {"waiting": {"reason": self._waiting, "message": "not found"}}
        return [{"metadata": {"name": "x"}, "status": {"containerStatuses": [{"state": state}]}}]


def test_look_around() -> None:
    healthy: Any = Cluster("ContainerCreating", "False")
    assert look_around(healthy, ["ns"]) == Surroundings()
    crashing: Any = Cluster("CrashLoopBackOff", "False")
    assert look_around(crashing, ["ns"]) == Surroundings()
    poor: Any = Cluster("ImagePullBackOff", "True")
    assert look_around(poor, ["ns"]) == Surroundings(
        ("DiskPressure of the node: too little is free",),
        ("an image cannot be pulled: pod x: ImagePullBackOff",),
    )


def test_nobody_to_ask() -> None:
    class Silent:
        def list(self, *_: object) -> None:
            raise KubeError("no answer", status=0)

    silent: Any = Silent()
    assert look_around(silent, ["ns"]) == Surroundings()
