"""The paths of API v2beta1, and how requests become calls of handlers."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from labkubeflow.common import web
from labkubeflow.pipelines.api import experiments, pipelines, recurring, runs
from labkubeflow.pipelines.api.errors import ApiError, Code, invalid, unsupported
from labkubeflow.pipelines.api.service import Call, Handler, Service
from labkubeflow.pipelines.api.specs import LARGEST
from labkubeflow.pipelines.model import JsonObject

_LOG = logging.getLogger(__name__)

ROOT = "/apis/v2beta1"

_UPLOADS: dict[str, Handler] = {
    "/pipelines/upload": pipelines.upload,
    "/pipelines/upload_version": pipelines.upload_version,
}

_EXPERIMENT, _RUN, _RECURRING = (
    "/experiments/{experiment_id}",
    "/runs/{run_id}",
    "/recurringruns/{recurring_run_id}",
)
_PIPELINE = "/pipelines/{pipeline_id}"
_VERSIONS = f"{_PIPELINE}/versions"
_VERSION = f"{_VERSIONS}/{{pipeline_version_id}}"

_REFUSED = ("/auth", "/visualizations/", "/scheduledworkflows", "/workflows", "/tasks", "/artifacts")
"""Parts of upstream's API that nobody is to mistake for a wrong path."""

# The first that fits counts.
_HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/experiments", experiments.create),
    ("GET", "/experiments", experiments.list_all),
    ("POST", f"{_EXPERIMENT}:archive", experiments.archive),
    ("POST", f"{_EXPERIMENT}:unarchive", experiments.unarchive),
    ("GET", _EXPERIMENT, experiments.get),
    ("DELETE", _EXPERIMENT, experiments.delete),
    ("POST", "/pipelines", pipelines.create),
    ("GET", "/pipelines", pipelines.list_all),
    ("POST", "/pipelines/create", pipelines.create_with_version),
    ("GET", "/pipelines/names/{name}", pipelines.get_by_name),
    ("GET", _PIPELINE, pipelines.get),
    ("DELETE", _PIPELINE, pipelines.delete),
    ("POST", _VERSIONS, pipelines.create_version),
    ("GET", _VERSIONS, pipelines.list_versions),
    ("GET", _VERSION, pipelines.get_version),
    ("DELETE", _VERSION, pipelines.delete_version),
    ("POST", "/runs", runs.create),
    ("GET", "/runs", runs.list_all),
    ("POST", f"{_RUN}:archive", runs.archive),
    ("POST", f"{_RUN}:unarchive", runs.unarchive),
    ("POST", f"{_RUN}:terminate", runs.terminate),
    ("POST", f"{_RUN}:retry", runs.retry),
    ("GET", f"{_RUN}/nodes/{{node_id}}/artifacts/{{artifact_name}}:read", runs.read_artifact),
    ("GET", _RUN, runs.get),
    ("DELETE", _RUN, runs.delete),
    ("POST", "/recurringruns", recurring.create),
    ("GET", "/recurringruns", recurring.list_all),
    ("POST", f"{_RECURRING}:enable", recurring.enable),
    ("POST", f"{_RECURRING}:disable", recurring.disable),
    ("GET", _RECURRING, recurring.get),
    ("DELETE", _RECURRING, recurring.delete),
)


def application(service: Service, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Return the API server.

    Args:
        service: what handlers work with.
        lifespan: runs around the time in which it serves.
    """
    routes = [Route(f"{ROOT}/healthz", _healthz, methods=["GET"])]
    for path, handler in _UPLOADS.items():
        routes.append(Route(ROOT + path, _upload(service, handler), methods=["POST"]))
    for method, path, handler in _HANDLERS:
        routes.append(Route(ROOT + path, _plain(service, handler), methods=[method]))
    routes.append(Route("/apis/rehearsal/runs/{run_id}", _plain(service, runs.get_tree), methods=["GET"]))
    app = web.application(routes, lifespan)
    app.add_exception_handler(HTTPException, _no_route)
    return app


async def _healthz(_: Request) -> Response:
    return JSONResponse({"multi_user": True})


def _plain(service: Service, handler: Handler) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        try:
            body = await _body(request)
            return JSONResponse(await run_in_threadpool(_call, service, handler, request, body, None))
        except ApiError as error:
            return _refusal(error)
        except Exception:
            return _refusal(_bug(request))

    return answer


def _upload(service: Service, handler: Handler) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        try:
            file = await _file(request)
            return JSONResponse(await run_in_threadpool(_call, service, handler, request, b"", file))
        except ApiError as error:
            # As upstream, which does not tell that someone may not do this by the status.
            status = 400 if error.code is Code.PERMISSION_DENIED else error.http_status
            return JSONResponse(error.upload_body(), status)
        except Exception:
            return JSONResponse(_bug(request).upload_body(), 500)

    return answer


def _call(
    service: Service, handler: Handler, request: Request, body: bytes, file: tuple[str, bytes] | None
) -> JsonObject:
    user = service.access.user(request.headers)
    return handler(service, Call(user, request.path_params, request.query_params, body, file))


async def _body(request: Request) -> bytes:
    """Read the body, unless it is too large."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > LARGEST:
                raise invalid(f"the request is larger than {LARGEST} bytes")
            parts.append(part)
    except ClientDisconnect:
        raise invalid("the request ended early") from None
    return b"".join(parts)


async def _file(request: Request) -> tuple[str, bytes] | None:
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            found = form.get("uploadfile")
            if not isinstance(found, UploadFile):
                return None
            return found.filename or "pipeline.yaml", await found.read(LARGEST + 1)
    except HTTPException as error:
        raise invalid(f"Failed to read pipeline from file: {error.detail}") from error


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path
    refused = path.startswith("/apis/v1beta1/") or path.startswith(tuple(ROOT + end for end in _REFUSED))
    if refused or status == 405:
        return _refusal(unsupported(f"{request.method} {path}"))
    return _refusal(ApiError(Code.NOT_FOUND, "Not Found"))


def _refusal(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.http_status)


def _bug(request: Request) -> ApiError:
    """Log the exception at hand; whoever asked learns no more than upstream tells."""
    _LOG.exception("%s %s", request.method, request.url.path)
    return ApiError(Code.INTERNAL, "Internal Server Error")
