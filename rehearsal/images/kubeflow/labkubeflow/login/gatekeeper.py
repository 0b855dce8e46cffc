"""The OIDC gatekeeper: sends people to Dex, keeps their sessions, and tells the gateway who asks.

At the gateway of the real Kubeflow each request is shown to the AuthService first, and an answer other than
200 goes to the client. nginx cannot pass on redirects of the service it asks. So `/verify` answers it 401
instead, and says in a header where to log in; every other path answers as the AuthService does.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from labkubeflow.common.kube import KubeError, Object
from labkubeflow.common.options import Options
from labkubeflow.common.web import USER_HEADER, application
from labkubeflow.login import CALLBACK, CLIENT_ID
from labkubeflow.login.identity import IdentityError, Provider
from labkubeflow.login.store import Store

_LOG = logging.getLogger(__name__)

PORT = 8080
SESSION_COOKIE = "authservice_session"
STATE_COOKIE = "oidc_state_csrf"
SESSION_SECONDS = 24 * 3600
STATE_SECONDS = 20 * 60
AUDIENCES = ["istio-ingressgateway.istio-system.svc.cluster.local"]
"""Whom a Kubernetes token at the gateway must be meant for: the AuthService's default."""

ORIGINAL_HEADER = "X-Original-URI"
"""Header in which the gateway tells what was asked for."""
LOGIN_HEADER = "X-Login"
"""Header of the answer to the gateway: where to log in."""

_STATE, _SESSION = "state", "session"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class TokenReviewer(Protocol):
    """Who knows Kubernetes' tokens."""

    def review_token(self, token: str, audiences: list[str] | None = None) -> Object:
        """Return the status of a TokenReview; see `labkubeflow.common.kube.Kube`."""


class ExpiredTokenError(Exception):
    """A Kubernetes token was valid once."""


@dataclass(frozen=True)
class Settings:
    """What the application's options say.

    Attributes:
        scope: what Dex is asked for.
        skipped: prefixes of paths that need no login.
        after_logout: where the answer to a logout tells to go.
    """

    scope: str
    skipped: tuple[str, ...]
    after_logout: str

    @classmethod
    def from_options(cls, options: Options) -> Settings:
        """Read the application's options."""
        skipped = [item.strip() for item in options.text("skip-auth-urls").split(",")]
        return cls(
            scope=f"openid {options.text('oidc-scopes')}".strip(),
            skipped=("/dex/", *(item for item in skipped if item and item != "/dex/")),
            after_logout=options.text("public-url"),
        )

    def skips(self, path: str) -> bool:
        """Tell whether a path needs no login; one that others may read as another path always does."""
        odd = "%" in path or "//" in path or any(part in (".", "..") for part in path.split("/"))
        return path.startswith(self.skipped) and not odd


class Gatekeeper:
    """The handlers.

    Args:
        settings: what the application's options say.
        store: sessions, and logins that are under way.
        provider: who turns a code into a user.
        reviewer: who knows Kubernetes' tokens.
    """

    def __init__(self, settings: Settings, store: Store, provider: Provider, reviewer: TokenReviewer) -> None:
        self._settings = settings
        self._store = store
        self._provider = provider
        self._reviewer = reviewer

    def authenticate(self, request: Request) -> Response:
        """Answer 200 with the user in a header, 302 to the login, or 401 for an expired token."""
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        return self._judge(request, target)

    def verify(self, request: Request) -> Response:
        """Answer as `authenticate` for what the gateway was asked, with 401 in place of 302."""
        answer = self._judge(request, request.headers.get(ORIGINAL_HEADER, "/"))
        if answer.status_code == 302:
            answer.status_code = 401
            answer.headers[LOGIN_HEADER] = answer.headers["Location"]
            del answer.headers["Location"]
        return answer

    def _judge(self, request: Request, target: str) -> Response:
        if self._settings.skips(target.partition("?")[0]):
            return Response()
        try:
            user = self._user(request)
        except ExpiredTokenError:
            return PlainTextResponse("The token has expired.\n", 401)
        return Response(headers={USER_HEADER: user}) if user else self._to_login(target)

    def _user(self, request: Request) -> str | None:
        """Return who asks: by a session (as bearer or cookie) or by a Kubernetes token.

        Raises:
            ExpiredTokenError: by a token that has expired.
        """
        bearer = _bearer(request)
        for key in (bearer, request.cookies.get(SESSION_COOKIE)):
            session = self._store.get(_SESSION, key) if key else None
            if session is not None:
                return session["user"]
        # A JWT has three parts; anything else cannot be Kubernetes' own.
        return self._owner(bearer) if bearer and bearer.count(".") == 2 else None

    def _owner(self, token: str) -> str | None:
        try:
            status = self._reviewer.review_token(token, AUDIENCES)
        except KubeError as error:
            _LOG.warning("a token could not be reviewed: %s", error)
            return None
        if status.get("authenticated"):
            return str(status.get("user", {}).get("username") or "") or None
        if "expired" in str(status.get("error", "")):
            raise ExpiredTokenError
        return None

    def _to_login(self, target: str) -> Response:
        state = secrets.token_urlsafe(24)
        self._store.put(_STATE, state, {"target": _local(target)}, STATE_SECONDS)
        asked = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": self._settings.scope,
            "state": state,
        }
        answer = RedirectResponse(f"/dex/auth?{urlencode(asked)}", 302)
        answer.set_cookie(STATE_COOKIE, state, max_age=STATE_SECONDS, path="/", httponly=True, samesite="lax")
        return answer

    def callback(self, request: Request) -> Response:
        """Come back from Dex: with a code, and the state that this browser was sent away with."""
        code, state = request.query_params.get("code", ""), request.query_params.get("state", "")
        if not code:
            return RedirectResponse("/", 302)
        own = request.cookies.get(STATE_COOKIE, "")
        same = bool(state) and hmac.compare_digest(state.encode(), own.encode())
        begun = self._store.take(_STATE, state) if same else None
        if begun is None:
            return PlainTextResponse("CSRF check failed: this login was not begun in this browser.\n", 400)
        try:
            user = self._provider.user_of(code)
        except IdentityError as error:
            _LOG.warning("login: %s", error)
            return PlainTextResponse("Failed to exchange authorization code with token.\n", 500)
        key = secrets.token_urlsafe(32)
        self._store.put(_SESSION, key, {"user": user}, SESSION_SECONDS)
        answer = RedirectResponse(begun["target"], 302)
        answer.set_cookie(
            SESSION_COOKIE, key, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="lax"
        )
        answer.delete_cookie(STATE_COOKIE, path="/")
        return answer

    def logout(self, request: Request) -> Response:
        """End the session that is given as bearer; a cookie alone could be sent by any other page."""
        key = _bearer(request)
        if not key or self._store.take(_SESSION, key) is None:
            return Response(status_code=401)
        # 201: the gateway of the real Kubeflow would pass a request on after 200.
        answer = JSONResponse({"afterLogoutURL": self._settings.after_logout}, 201)
        answer.delete_cookie(SESSION_COOKIE, path="/")
        return answer

    def application(self) -> Starlette:
        """Return the web application."""
        return application(
            [
                Route("/verify", self.verify),
                Route(CALLBACK, self.callback, methods=["GET"]),
                Route("/authservice/logout", self.logout, methods=["POST"]),
                Route("/{path:path}", self.authenticate, methods=_METHODS),
            ]
        )


def _bearer(request: Request) -> str | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if kind.lower() == "bearer" else None


def _local(target: str) -> str:
    """Return a path of this site: with a second slash or a backslash browsers read it as another one."""
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") else "/"
