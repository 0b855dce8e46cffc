"""Who asks, and whether that one may.

As upstream (kubeflow/pipelines, backend/src/apiserver/auth): the header that the gateway sets, else a service
account's token for the audience of pipelines; then a SubjectAccessReview in the namespace.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from labkubeflow.common.kube import KubeError
from labkubeflow.common.web import USER_HEADER
from labkubeflow.pipelines.api.errors import ApiError, Code

_LOG = logging.getLogger(__name__)

AUDIENCE = "pipelines.kubeflow.org"
GROUP = "pipelines.kubeflow.org"
VERSION = "v1beta1"

KEEP_SECONDS = 5.0
"""How long a positive answer is believed: what is taken away from someone is gone soon."""

MOST_KEPT = 1000


class Reviewer(Protocol):
    """The part of `labkubeflow.common.kube.Kube` that answers such questions."""

    def review_token(self, token: str, audiences: list[str] | None = None) -> dict[str, Any]:
        """Return the status of a TokenReview."""

    def may(self, user: str, groups: list[str], attributes: Mapping[str, str]) -> bool:
        """Return the answer of a SubjectAccessReview."""


class Access:
    """Decides about requests."""

    def __init__(self, reviewer: Reviewer, clock: Callable[[], float] = time.monotonic) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self._guard = threading.Lock()
        self._kept: dict[tuple[str, ...], tuple[float, str]] = {}

    def user(self, headers: Mapping[str, str]) -> str:
        """Return the name of whoever asks.

        Raises:
            ApiError: UNAUTHENTICATED if that is not known.
        """
        name = headers.get(USER_HEADER, "")
        if name:
            return name
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated("there is no user identity header, and no bearer token")
        return self._remember(("token", token), lambda: self._reviewed(token))

    def require(self, user: str, verb: str, resource: str, namespace: str, name: str = "") -> None:
        """See that someone may do something.

        Args:
            user: who.
            verb: as upstream has them: get, list, create, delete, archive, terminate and so on.
            resource: experiments, pipelines, runs or jobs.
            namespace: where.
            name: of the object, if there is one.

        Raises:
            ApiError: PERMISSION_DENIED if not; INVALID_ARGUMENT without a namespace.
        """
        if not namespace:
            raise ApiError(
                Code.INVALID_ARGUMENT, "Invalid input error: a namespace is required in multi-user mode"
            )
        attributes = {
            "namespace": namespace,
            "verb": verb,
            "group": GROUP,
            "version": VERSION,
            "resource": resource,
            "name": name,
        }
        key = ("may", user, *attributes.values())
        self._remember(key, lambda: self._allowed(user, attributes))

    def _reviewed(self, token: str) -> str:
        status = _asked(lambda: self._reviewer.review_token(token, [AUDIENCE]))
        user = (status.get("user") or {}).get("username", "")
        if not status.get("authenticated") or not user:
            raise _unauthenticated("the bearer token is not valid")
        if AUDIENCE not in (status.get("audiences") or []):
            raise _unauthenticated(f"the bearer token is not meant for {AUDIENCE}")
        return str(user)

    def _allowed(self, user: str, attributes: Mapping[str, str]) -> str:
        if not _asked(lambda: self._reviewer.may(user, [], attributes)):
            asked = ",".join(f"{name.capitalize()}:{value}" for name, value in attributes.items())
            message = (
                f"PermissionDenied: User '{user}' is not authorized with reason:  "
                f"(request: &ResourceAttributes{{{asked}}}): Unauthorized access"
            )
            raise ApiError(Code.PERMISSION_DENIED, message)
        return user

    def _remember(self, key: tuple[str, ...], find: Callable[[], str]) -> str:
        """Return a positive answer, asking again only if it is some seconds old. Refusals are not kept."""
        now = self._clock()
        with self._guard:
            expires, answer = self._kept.get(key, (0.0, ""))
            if now < expires:
                return answer
        answer = find()
        with self._guard:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (now + KEEP_SECONDS, answer)
        return answer


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except KubeError as error:
        _LOG.error("the API server does not say who may do what: %s", error)
        raise ApiError(Code.UNAVAILABLE, "access cannot be reviewed - try again later") from error


def _unauthenticated(reason: str) -> ApiError:
    return ApiError(Code.UNAUTHENTICATED, f"Failed to authenticate the request: {reason}")
