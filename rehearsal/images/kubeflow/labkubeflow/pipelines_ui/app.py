"""What kfp-ui answers: pages below /pipeline/, and the API's paths with and without that prefix."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from labkubeflow.common import web
from labkubeflow.common.kube import KubeError
from labkubeflow.pipelines_ui import pages
from labkubeflow.pipelines_ui.backend import Backend, BackendError

LARGEST_BODY = 40 * 1024 * 1024
"""Bytes; somewhat more than the API server takes, whose refusal says why."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Frame-Options": "DENY",
}

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_RUN_ID = re.compile(r"[0-9a-f-]{1,64}")


def application(backend: Backend, namespaces: Callable[[], list[str]]) -> Starlette:
    """Return the application.

    Args:
        backend: the API server.
        namespaces: all namespaces of profiles; raises `KubeError` if they cannot be told.
    """

    def runs(request: Request) -> Response:
        user = request.headers.get(web.USER_HEADER, "")
        if not user:
            return _trouble(401, "Nobody is logged in.")
        try:
            found = {name: backend.runs(user, name) for name in namespaces()}
        except (BackendError, KubeError) as error:
            return _trouble(503, f"The runs cannot be listed: {error}")
        shown = {name: runs for name, runs in found.items() if runs is not None}
        return HTMLResponse(pages.runs_page(shown), headers=HEADERS)

    def run(request: Request) -> Response:
        user, run_id = request.headers.get(web.USER_HEADER, ""), request.path_params["run_id"]
        if not user:
            return _trouble(401, "Nobody is logged in.")
        if not _RUN_ID.fullmatch(run_id):
            return _trouble(404, "There is no such run.")
        try:
            return HTMLResponse(pages.run_page(backend.run(user, run_id)), headers=HEADERS)
        except BackendError as error:
            return _trouble(error.status, str(error))

    async def api(request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii").removeprefix("/pipeline")
        if request.url.query:
            path += f"?{request.url.query}"
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "the request is too large", "code": 3}, 413)
        try:
            answer = await run_in_threadpool(backend.pass_on, request.method, path, request.headers, body)
        except BackendError as error:
            return JSONResponse({"error": str(error), "code": 14, "message": str(error)}, error.status)
        return Response(answer.body, answer.status, answer.headers)

    async def entrance(_: Request) -> Response:
        return RedirectResponse("/pipeline/")

    return web.application(
        [
            Route("/", entrance),
            Route("/pipeline", entrance),
            Route("/pipeline/", runs),
            Route("/pipeline/runs/{run_id}", run),
            Route("/pipeline/apis/{path:path}", api, methods=_METHODS),
            Route("/apis/{path:path}", api, methods=_METHODS),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """Read the body; None if it is too large."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_BODY:
                return None
            parts.append(part)
    except ClientDisconnect:
        # Nobody waits for the answer.
        return None
    return b"".join(parts)


def _trouble(status: int, message: str) -> Response:
    body = f"<p>{escape(message)}</p>"
    return HTMLResponse(pages.page("Sorry", body), status, headers=HEADERS)
