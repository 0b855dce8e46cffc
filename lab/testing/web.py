"""HTTP through a tunnel: the port is the tunnel's, the host name is what the server is asked for."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

from lab.testing.waiting import Pending, wait_until

REQUEST_TIMEOUT = 20.0

TRANSIENT = (OSError, http.client.HTTPException)
"""What a server that is not there yet looks like from this end of a tunnel."""


@dataclass(frozen=True)
class Response:
    """A server's answer."""

    status: int
    body: str


def get(port: int, path: str, *, host: str) -> Response:
    """Send one GET request to a port on 127.0.0.1, without following redirections.

    Raises:
        OSError: There was no answer.
        http.client.HTTPException: The answer was not HTTP.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return Response(response.status, response.read().decode(errors="replace"))
    finally:
        connection.close()


def wait_for_status(port: int, path: str, *, host: str, status: int, deadline: float) -> Response:
    """Repeat a GET request until it is answered with a status."""

    def look() -> Response | Pending:
        response = get(port, path, host=host)
        if response.status == status:
            return response
        return Pending(f"HTTP {response.status}: {response.body[:200].strip()}")

    what = f"HTTP {status} from http://{host}{path}"
    return wait_until(look, what=what, deadline=deadline, tolerate=TRANSIENT)
