"""The API server of Pipelines, as the page asks it: in the name of whoever looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from labkubeflow.common.web import USER_HEADER

TIMEOUT_SECONDS = 60.0
RUNS_SHOWN = 20
"""Of each namespace: a run comes with its pipeline and all its tasks."""

_PASSED_ON = (USER_HEADER, "authorization", "content-type", "accept")
_PASSED_BACK = ("content-type",)


class BackendError(Exception):
    """The API server refuses or cannot be reached.

    Attributes:
        status: the HTTP status for whoever asked.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An answer of the API server."""

    status: int
    headers: dict[str, str]
    body: bytes


class Backend:
    """The API server.

    Args:
        url: such as `http://ml-pipeline:8888`.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # The types published for urllib3 do not cover its requests.
        self._pool: Any = urllib3.PoolManager(maxsize=4, retries=False)

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._pool.clear()

    def pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Pass a request on, with the user's name and token.

        Args:
            method: of the request.
            path: with its query, quoted already.
            headers: of the request; most are left out.
            body: of the request.

        Raises:
            BackendError: it cannot be reached.
        """
        kept = {name: headers[name] for name in _PASSED_ON if name in headers}
        try:
            answer = self._pool.request(
                method, self._url + path, headers=kept, body=body, timeout=TIMEOUT_SECONDS, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise BackendError(502, "the Pipelines API server cannot be reached") from error
        back = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        return Answer(answer.status, back, answer.data)

    def runs(self, user: str, namespace: str) -> list[dict[str, Any]] | None:
        """Return the newest runs of a namespace; None if the user may not see them.

        Raises:
            BackendError: the API server refuses for another reason, or cannot be reached.
        """
        query = f"namespace={namespace}&page_size={RUNS_SHOWN}&sort_by=created_at%20desc"
        try:
            found: list[dict[str, Any]] = self._get(user, f"/apis/v2beta1/runs?{query}").get("runs", [])
        except BackendError as error:
            if error.status == 403:
                return None
            raise
        return found

    def run(self, user: str, run_id: str) -> dict[str, Any]:
        """Return a run with its tasks.

        Raises:
            BackendError: there is none, the user may not see it, or the API server cannot be reached.
        """
        return self._get(user, f"/apis/rehearsal/runs/{run_id}")

    def _get(self, user: str, path: str) -> dict[str, Any]:
        answer = self.pass_on("GET", path, {USER_HEADER: user}, b"")
        try:
            body = json.loads(answer.body)
        except ValueError as error:
            raise BackendError(502, "the Pipelines API server does not answer in JSON") from error
        if answer.status != 200 or not isinstance(body, dict):
            message = body.get("message", "") if isinstance(body, dict) else ""
            raise BackendError(answer.status, message or f"HTTP {answer.status}")
        return body
