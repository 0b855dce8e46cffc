"""Another service of the cluster, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

TIMEOUT_SECONDS = 20.0


class ServiceError(Exception):
    """A service does not answer, or answers with something else than JSON."""


class Service:
    """A client; its methods may be called from several threads at once.

    Args:
        name: for messages.
        address: such as `http://dex-auth:5556`.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._address = address.rstrip("/")
        # The types published for urllib3 do not cover its requests.
        self._pool: Any = urllib3.PoolManager(maxsize=4, retries=False, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._pool.clear()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: object = None,
    ) -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer, None if it is empty.

        Args:
            method: the HTTP method.
            path: of what is asked for.
            query: parameters of the address.
            headers: sent along.
            form: sent as a form.
            body: sent as JSON.

        Raises:
            ServiceError: there is no answer, or it is no JSON.
        """
        sent = dict(headers or {})
        content = None
        if form is not None:
            content = urlencode(form).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        url = self._address + path + (f"?{urlencode(query)}" if query else "")
        try:
            response = self._pool.urlopen(method, url, body=content, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise ServiceError(f"{self.name} does not answer ({type(error).__name__})") from error
        try:
            return response.status, json.loads(response.data) if response.data.strip() else None
        except ValueError:
            raise ServiceError(f"{self.name} answers with HTTP {response.status} and no JSON") from None
