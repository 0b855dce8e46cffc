"""Whose failure it is: the suite's own, the environment's, or the product's.

A registry that is down is no fault of Kubeflow, and a mistake in a test is none of the lab. What decides is
the type of the error, what a wait saw last, and how node and pods are at that moment.
"""

from __future__ import annotations

import errno
import json
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from lab.errors import HostError, NetworkError, UsageError, VMError
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.pods import troubles
from lab.testing.waiting import WaitAborted, WaitTimeout
from lab.transport.base import CommandError


class Kind(StrEnum):
    """The class of a failure."""

    SUITE = "SUITE"
    ENV = "ENV"
    PRODUCT = "PRODUCT"


MEANINGS = {
    Kind.SUITE: "a mistake in the tests",
    Kind.ENV: "registry, names, disk, memory, or the way into the VM",
    Kind.PRODUCT: "the component under test",
}


@dataclass(frozen=True)
class Verdict:
    """The class of a failure, and why it is that one."""

    kind: Kind
    reason: str


@dataclass(frozen=True)
class Surroundings:
    """What was wrong around a test when it failed.

    Attributes:
        node: What the node lacks.
        pods: What the pods of the test's namespaces lack.
    """

    node: Sequence[str] = field(default=())
    pods: Sequence[str] = field(default=())


_MISTAKES = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    Warning,
    pytest.FixtureLookupError,
)
"""What a program raises that is wrong itself."""

_OF_THE_ENVIRONMENT = (HostError, NetworkError, UsageError, VMError, ConnectionRefusedError, socket.gaierror)

_WORDS = (
    (r"\b(ErrImagePull|ImagePullBackOff)\b|toomanyrequests|manifest unknown", "an image cannot be pulled"),
    (r"\bUnschedulable\b|\bInsufficient (cpu|memory)\b|\bToo many pods\b", "no node has room for a pod"),
    (r"\bDiskPressure\b|no space left on device|\bEvicted\b", "a disk is full"),
    (
        r"Temporary failure in name resolution|no such host|dial tcp: lookup|Name or service not known",
        "a name cannot be resolved",
    ),
)
_SUITES_WORDS = re.compile(r"\b(InvalidImageName|ErrImageNeverPull)\b")

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")

_DEPTH = 10
"""Errors behind an error that are looked at."""


def classify(error: BaseException | None, around: Surroundings | None = None) -> Verdict:
    """Return whose failure an error is.

    Args:
        error: What the test ended with; ``None`` if it passed although it must not.
        around: How the lab was at that moment, if it could be asked.
    """
    around = around or Surroundings()
    if error is None:
        return Verdict(Kind.PRODUCT, "it passed, which was not expected")
    if _is_a_mistake(error):
        return Verdict(Kind.SUITE, f"{type(error).__name__} in the test")
    for cause in _chain(error):
        if why := _of_the_environment(cause):
            return Verdict(Kind.ENV, why)
    if isinstance(error, KubeError) and error.status in (400, 422):
        return Verdict(Kind.SUITE, "the API server does not take what the test sent")
    if isinstance(error, WaitAborted) and _SUITES_WORDS.search(str(error)):
        return Verdict(Kind.SUITE, "the test names an image that cannot be")
    if around.node:
        return Verdict(Kind.ENV, "; ".join(around.node))
    if isinstance(error, (WaitAborted, WaitTimeout)):
        if around.pods:
            return Verdict(Kind.ENV, "; ".join(around.pods))
        return Verdict(Kind.PRODUCT, "what was waited for did not happen")
    if isinstance(error, AssertionError):
        return Verdict(Kind.PRODUCT, "it does not do what is asserted")
    return Verdict(Kind.PRODUCT, type(error).__name__)


def look_around(kube: Kube, namespaces: Sequence[str]) -> Surroundings:
    """Look at the node and at the pods of namespaces for what is no fault of a component.

    What cannot be asked is left out.
    """
    try:
        node = tuple(text for item in kube.list("v1", "Node") for text in _pressures(item))
        pods = [pod for namespace in namespaces for pod in kube.list("v1", "Pod", namespace)]
    except KubeError:
        return Surroundings()
    return Surroundings(node, tuple(text for pod in pods for text in _lacks(pod)))


def _pressures(node: Object) -> Iterator[str]:
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition.get("type") in _PRESSURES and condition.get("status") == "True":
            yield f"{condition['type']} of the node: {condition.get('message', '')}".rstrip(": ")


def _lacks(pod: Object) -> Iterator[str]:
    for reason, message in troubles(pod):
        if why := _words(f"{reason} {message}"):
            yield f"{why}: pod {pod['metadata']['name']}: {reason}"


def _of_the_environment(error: BaseException) -> str | None:
    # A command that failed in the guest says something about what it asked for.
    if isinstance(error, _OF_THE_ENVIRONMENT) and not isinstance(error, CommandError):
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "a disk of this computer is full"
    if isinstance(error, KubeError) and error.status == 0:
        return "the API server did not answer"
    if isinstance(error, (WaitAborted, WaitTimeout, CommandError)):
        return _words(str(error))
    return None


def _words(text: str) -> str | None:
    return next((why for pattern, why in _WORDS if re.search(pattern, text, re.IGNORECASE)), None)


def _is_a_mistake(error: BaseException) -> bool:
    if isinstance(error, ValueError):
        # What an HTTP library or a parser says about an answer is a value error, too.
        return not isinstance(error, (OSError, json.JSONDecodeError))
    return isinstance(error, _MISTAKES)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those behind it, with what an HTTP library keeps as its reason."""
    ahead: list[BaseException | None] = [error]
    seen: set[int] = set()
    while ahead and len(seen) < _DEPTH:
        current = ahead.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        reason = getattr(current, "reason", None)
        context = None if current.__suppress_context__ else current.__context__
        ahead += [reason if isinstance(reason, BaseException) else None, current.__cause__ or context]
