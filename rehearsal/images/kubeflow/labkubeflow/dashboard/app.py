"""The dashboard's web application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from labkubeflow.common.kube import KubeError, Object
from labkubeflow.common.service import Service, ServiceError
from labkubeflow.common.web import USER_HEADER, application
from labkubeflow.dashboard.page import dashboard_page
from labkubeflow.dashboard.workgroups import WorkgroupError, Workgroups

_LOG = logging.getLogger(__name__)

PORT = 8082
SESSION_COOKIE = "authservice_session"
PLATFORM = {"provider": "other://", "providerName": "other", "kubeflowVersion": "1.8 (REHEARSAL)"}
_NOBODY = "Unable to ascertain user identity from request, cannot access route."


class NamespaceLister(Protocol):
    """Who knows the cluster's namespaces."""

    def request(self, method: str, path: str) -> Object:
        """Send a request; see `labkubeflow.common.kube.Kube`."""


class Dashboard:
    """The handlers.

    Args:
        workgroups: who knows the users' namespaces.
        kube: who knows all namespaces.
        gatekeeper: where sessions are ended.
        registration: whether the application's option lets users create a namespace here; this stand-in does
            not do it for them.
    """

    def __init__(
        self, workgroups: Workgroups, kube: NamespaceLister, gatekeeper: Service, registration: bool
    ) -> None:
        self._workgroups = workgroups
        self._kube = kube
        self._gatekeeper = gatekeeper
        self._registration = registration

    def page(self, request: Request) -> Response:
        """Show the page."""
        user = request.headers.get(USER_HEADER, "")
        if not user:
            return PlainTextResponse("Nobody is logged in: come through the gateway.\n", 401)
        try:
            text = dashboard_page(user, self._workgroups.of_user(user))
        except WorkgroupError as error:
            _LOG.warning("%s", error)
            text = dashboard_page(user, [], str(error))
        return HTMLResponse(text, headers={"Cache-Control": "no-store", "X-Frame-Options": "DENY"})

    def framed(self, request: Request) -> Response:
        """Lead to a component's page, which the real dashboard shows in a frame under this path."""
        query = f"?{request.url.query}" if request.url.query else ""
        # One slash at the beginning: two, of whichever kind, would lead to another host.
        return RedirectResponse("/" + request.path_params["path"].lstrip("/\\") + query, 302)

    def logout(self, request: Request) -> Response:
        """End the session for the browser: scripts do not see its cookie, and the gatekeeper wants a bearer.

        Another site cannot cause it: browsers do not send this cookie along with a form from elsewhere.
        """
        session = request.cookies.get(SESSION_COOKIE, "")
        headers = {"Authorization": f"Bearer {session}"}
        try:
            status, _ = self._gatekeeper.ask("POST", "/authservice/logout", headers=headers)
        except ServiceError as error:
            return PlainTextResponse(f"You are still logged in: {error}.\n", 503)
        # 401: there is no such session any more.
        if status not in (201, 401):
            return PlainTextResponse(f"You are still logged in: logout gave HTTP {status}.\n", 503)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(SESSION_COOKIE, path="/")
        return answer

    def exists(self, user: str, _: Request) -> Any:
        """Tell whether the user owns a namespace."""
        owns = any(item.role == "owner" for item in self._workgroups.of_user(user))
        return {
            "hasAuth": True,
            "user": user.partition("@")[0],
            "hasWorkgroup": owns,
            "registrationFlowAllowed": self._registration,
        }

    def environment(self, user: str, _: Request) -> Any:
        """Tell who the user is, and which namespaces he or she is in."""
        return {
            "user": user,
            "platform": PLATFORM,
            "namespaces": [item.as_json() for item in self._workgroups.of_user(user)],
            "isClusterAdmin": self._workgroups.is_cluster_admin(user),
        }

    def contributors(self, user: str, request: Request) -> Any:
        """Tell who contributes to a namespace."""
        members = self._workgroups.of_namespace(user, request.path_params["namespace"])
        return [item.user for item in members if item.role == "contributor"]

    def namespaces(self, _: str, __: Request) -> Any:
        """List the cluster's namespaces: the real dashboard shows them to everybody, too."""
        return self._kube.request("GET", "/api/v1/namespaces").get("items", [])

    def application(self) -> Starlette:
        """Return the web application."""
        return application(
            [
                Route("/", self.page),
                Route("/_/{path:path}", self.framed),
                Route("/logout", self.logout, methods=["POST"]),
                Route("/api/workgroup/exists", _json(self.exists)),
                Route("/api/workgroup/env-info", _json(self.environment)),
                Route("/api/workgroup/get-contributors/{namespace}", _json(self.contributors)),
                Route("/api/namespaces", _json(self.namespaces)),
                Route("/api/{path:path}", _unsupported, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )


Question = Callable[[str, Request], Any]


def _json(question: Question) -> Callable[[Request], Response]:
    """Return a handler that answers a question about the user as JSON."""

    def handler(request: Request) -> Response:
        return _answer(question, request)

    return handler


def _answer(question: Question, request: Request) -> Response:
    user = request.headers.get(USER_HEADER, "")
    if not user:
        return JSONResponse({"error": _NOBODY}, 405)
    try:
        return JSONResponse(question(user, request), headers={"Cache-Control": "no-store"})
    except WorkgroupError as error:
        return JSONResponse({"error": str(error)}, error.status)
    except KubeError as error:
        return JSONResponse({"error": str(error)}, 503)


async def _unsupported(request: Request) -> Response:
    error = f"This stand-in for the dashboard does not have {request.method} {request.url.path}"
    return JSONResponse({"error": error}, 501)
