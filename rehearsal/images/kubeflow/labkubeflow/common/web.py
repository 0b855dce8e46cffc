"""The base of the stand-ins that answer by HTTP: a Starlette application with /healthz, served by uvicorn."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan

GRACE_SECONDS = 3
"""How long requests under way may take once the pod is told to stop."""

KEEP_ALIVE_SECONDS = 120
"""How long an idle connection stays open: longer than clients keep theirs (those written in Go 90 seconds),
for a request on a connection that is closed in the same moment is lost."""

USER_HEADER = "kubeflow-userid"
"""Header in which the gateway tells who asks."""


def application(routes: Iterable[BaseRoute], lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Return an application that also answers the probes of its pod.

    Args:
        routes: what it answers. Handlers that wait (for a database, the API server) are plain functions:
            these run in threads.
        lifespan: runs around the time in which it serves.
    """
    return Starlette(routes=[Route("/healthz", _healthz), *routes], lifespan=lifespan)


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send what is logged to the pod's log, one line an entry."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s")


def serve(app: Starlette, port: int, *, certificate: tuple[Path, Path] | None = None) -> None:
    """Serve an application on all addresses of the pod until SIGTERM; ends requests under way first.

    Requests are not logged: their addresses can hold codes and states of a login.

    Args:
        app: what answers.
        port: where it listens.
        certificate: files of certificate and key, to serve by HTTPS.
    """
    import uvicorn

    # The plain parts of uvicorn: each further one costs a second of start in an emulated guest.
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
    )
