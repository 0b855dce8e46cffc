"""The controller's API: one POST, checked for the account's password.

It is plain HTTP inside the cluster's networks: the client is on its node, or comes through the API server.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

from .errors import ControllerError, RefusedError, UnauthorizedError
from .keeper import Keeper

_LOG = logging.getLogger(__name__)
_MAX_BODY = 8 * 1024 * 1024


def methods(keeper: Keeper) -> dict[str, Callable[..., Any]]:
    """The requests that are answered."""
    return {
        "Ping": keeper.ping,
        "Models": keeper.models,
        "AddModel": keeper.add_model,
        "ModelConfigGet": keeper.model_config_get,
        "ModelConfigSet": keeper.model_config_set,
        "ModelConfigReset": keeper.model_config_reset,
        "ModelStatus": keeper.model_status,
        "DestroyModel": keeper.destroy_model,
        "Resolve": keeper.resolve,
        "Deploy": keeper.deploy,
        "ConfigGet": keeper.config_get,
        "ConfigSet": keeper.config_set,
        "ConfigReset": keeper.config_reset,
        "FullStatus": keeper.full_status,
        "Log": keeper.log,
    }


def answer(body: bytes, offered: dict[str, Callable[..., Any]], password: str) -> dict[str, Any]:
    """Turn a request into an answer; never raises."""
    try:
        request = json.loads(body)
        if not isinstance(request, dict):
            raise RefusedError("a request is a JSON object")
        given = str(request.get("password", "")).encode()
        if request.get("user") != "admin" or not hmac.compare_digest(given, password.encode()):
            raise UnauthorizedError("invalid entity name or password")
        method = offered.get(str(request.get("method")))
        if method is None:
            raise RefusedError(f"no such request: {request.get('method')!r}")
        return {"result": method(**request.get("params", {}))}
    except ControllerError as error:
        return {"error": {"message": str(error), "code": error.code}}
    except Exception as error:
        _LOG.exception("request failed")
        # The first line: exceptions of the Kubernetes client carry a whole HTTP exchange.
        text = (str(error).splitlines() or [type(error).__name__])[0]
        return {"error": {"message": f"the controller failed: {text}", "code": "internal"}}


def read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    """Read a request's body, of a stated length or in chunks: the API server's proxy sends chunks.

    Raises:
        ValueError: it is malformed or too large.
    """
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        length = int(headers.get("Content-Length") or 0)
        if not 0 <= length <= _MAX_BODY:
            raise ValueError("too large")
        return stream.read(length)
    body = b""
    while size := int(stream.readline(32).partition(b";")[0], 16):
        if size < 0 or len(body) + size > _MAX_BODY:
            raise ValueError("too large")
        body += stream.read(size)
        stream.readline(4)
    stream.readline(4)
    return body


def make_server(port: int, keeper: Keeper, password: str, host: str = "") -> ThreadingHTTPServer:
    """An HTTP server for a keeper; it listens, but does not serve yet."""
    offered = methods(keeper)

    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            """Answer a request."""
            # kubectl adds its time limit as a query.
            if self.path.partition("?")[0] != "/api":
                self.send_error(404)
                return
            try:
                request = read_body(self.headers, self.rfile)
            except ValueError:
                self.close_connection = True
                self.send_error(400)
                return
            body = json.dumps(answer(request, offered, password)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Requests are not logged: they come every second and hold a password."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server
