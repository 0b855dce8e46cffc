"""Reading from the API server over one connection.

Starting kubectl costs about a second in an emulated machine, and `microk8s status` needs five answers.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Sequence
from typing import Any

from mk8s.snap import Snap

POLL_SECONDS = 1
# A busy emulated machine takes its time.
TIMEOUT_SECONDS = 30

# Names are enough where objects are only looked for: a list of pods is a tenth of the size this way.
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class UnreachableError(Exception):
    """The API server did not answer, or not as it should."""


class ApiServer:
    """The API server of this machine, seen with the administrator's certificate."""

    def __init__(self, snap: Snap, timeout: float = TIMEOUT_SECONDS) -> None:
        context = ssl.create_default_context(cafile=str(snap.credentials / "ca.crt"))
        context.load_cert_chain(snap.credentials / "client.crt", snap.credentials / "client.key")
        self._connection = http.client.HTTPSConnection("127.0.0.1", 16443, timeout=timeout, context=context)

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any] | None:
        """Returns the object at a path, or None if there is none.

        Raises:
            UnreachableError: no connection, or any answer but 200 and 404.
        """
        try:
            self._connection.request("GET", path, headers={"Accept": accept})
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnreachableError(str(error)) from error
        if response.status == 404:
            return None
        if response.status != 200:
            raise UnreachableError(f"{path}: HTTP {response.status}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def is_ready(self) -> bool:
        """Tells whether the server says of itself that it is ready."""
        try:
            self._connection.request("GET", "/readyz")
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return response.status == 200

    def names(self, path: str) -> list[str]:
        """Returns the names in a list of objects (which is null if there are none)."""
        answer = self.get(path, NAMES_ONLY) or {}
        return [item["metadata"]["name"] for item in answer.get("items") or []]


def wait_until_ready(snap: Snap, arguments: Sequence[str]) -> int:
    """Waits for the API server, for as long as it takes.

    Its clients would otherwise fill the journal with errors, or even die, and both cost time.
    """
    del arguments
    server = ApiServer(snap)
    while not server.is_ready():
        time.sleep(POLL_SECONDS)
    return 0
