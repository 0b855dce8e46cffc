"""Dex with its local connector and one user: the authorization code flow, without keys and ID tokens.

It differs from Dex in one thing that its client knows of: the token endpoint gives an access token only, and
who it belongs to is asked at the userinfo endpoint.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from labkubeflow.common.options import OptionError, Options
from labkubeflow.common.web import application
from labkubeflow.login import CALLBACK, CLIENT_ID
from labkubeflow.login.page import login_page
from labkubeflow.login.store import Store

_LOG = logging.getLogger(__name__)

PORT = 5556
REQUEST_SECONDS = 24 * 3600
"""How long a login form can be sent: as Dex's default `authRequests`."""
CODE_SECONDS = 60
TOKEN_SECONDS = 60
"""How long a code and an access token can be used: the gatekeeper does so at once."""

_REQUEST, _CODE, _TOKEN = "request", "code", "token"


@dataclass(frozen=True)
class Account:
    """The one user.

    Attributes:
        username: what is typed as "Email Address", and what Kubeflow then knows the user by.
        password: empty means that nobody can log in.
    """

    username: str
    password: str = field(repr=False)

    @classmethod
    def from_options(cls, options: Options) -> Account:
        """Read the account from the application's options.

        Raises:
            OptionError: an option asks for something that this stand-in does not do.
        """
        if options.text("connectors"):
            raise OptionError('this stand-in has its own user only: unset the option "connectors"')
        if options.integer("port") != PORT:
            raise OptionError(f'this stand-in listens on {PORT} only: unset the option "port"')
        return cls(options.text("static-username") or "admin", options.text("static-password"))

    def matches(self, username: str, password: str) -> bool:
        """Tell whether name and password are right, in a time that depends on neither."""
        right_name = hmac.compare_digest(username.encode(), self.username.encode())
        right_password = hmac.compare_digest(password.encode(), self.password.encode())
        return right_name and right_password and bool(self.password)


class Dex:
    """The handlers.

    Args:
        account: who can log in.
        store: logins that are under way.
    """

    def __init__(self, account: Account, store: Store) -> None:
        self._account = account
        self._store = store

    async def authorize(self, request: Request) -> Response:
        """Check what is asked for, and choose the one connector."""
        problem = _problem(request.query_params)
        if problem:
            return PlainTextResponse(f"Bad Request\n{problem}\n", 400)
        return RedirectResponse(f"/dex/auth/local?{request.url.query}", 302)

    def begin(self, request: Request) -> Response:
        """Remember what is asked for, and go to the form."""
        asked = request.query_params
        problem = _problem(asked)
        if problem:
            return PlainTextResponse(f"Bad Request\n{problem}\n", 400)
        key = secrets.token_urlsafe(24)
        self._store.put(_REQUEST, key, {"state": asked.get("state", "")}, REQUEST_SECONDS)
        return RedirectResponse(f"/dex/auth/local/login?back=&state={key}", 302)

    def form(self, request: Request) -> Response:
        """Show the form of a login that was begun."""
        if self._store.get(_REQUEST, request.query_params.get("state", "")) is None:
            return _unknown_request()
        return _form_page(login_page(_address(request)))

    async def login(self, request: Request) -> Response:
        """Check name and password; a wrong one shows the form again, with status 200."""
        async with request.form(max_files=0) as data:
            username, password = str(data.get("login", "")), str(data.get("password", ""))
        return await run_in_threadpool(self._login, request, username, password)

    def _login(self, request: Request, username: str, password: str) -> Response:
        key = request.query_params.get("state", "")
        if self._store.get(_REQUEST, key) is None:
            return _unknown_request()
        if not self._account.matches(username, password):
            _LOG.info("a login was refused")
            return _form_page(login_page(_address(request), username, refused=True))
        begun = self._store.take(_REQUEST, key)
        if begun is None:
            # Sent twice at once: the other one has it.
            return _unknown_request()
        code = secrets.token_urlsafe(24)
        self._store.put(_CODE, code, {"user": self._account.username}, CODE_SECONDS)
        _LOG.info("login of %s", self._account.username)
        # 303: what follows is a GET.
        return RedirectResponse(f"{CALLBACK}?{urlencode({'code': code, 'state': begun['state']})}", 303)

    async def token(self, request: Request) -> Response:
        """Change a code into an access token, once."""
        async with request.form(max_files=0) as data:
            given = {name: str(value) for name, value in data.items()}
        return await run_in_threadpool(self._token, given)

    def _token(self, given: Mapping[str, str]) -> Response:
        if given.get("grant_type") != "authorization_code":
            return _refused("unsupported_grant_type", "the only grant is authorization_code")
        if given.get("client_id") != CLIENT_ID:
            return _refused("invalid_client", "unknown client", 401)
        if given.get("redirect_uri") != CALLBACK:
            return _refused("invalid_request", "redirect_uri did not match that of the login")
        entry = self._store.take(_CODE, given.get("code", ""))
        if entry is None:
            return _refused("invalid_grant", "Invalid or expired code parameter.")
        token = secrets.token_urlsafe(24)
        self._store.put(_TOKEN, token, entry, TOKEN_SECONDS)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def userinfo(self, request: Request) -> Response:
        """Tell who an access token belongs to."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        entry = self._store.get(_TOKEN, token) if kind.lower() == "bearer" else None
        if entry is None:
            return _refused("access_denied", "Invalid bearer token.", 403)
        user = entry["user"]
        return JSONResponse({"sub": user, "email": user, "email_verified": True, "name": user, "groups": []})

    def application(self) -> Starlette:
        """Return the web application."""
        return application(
            [
                Route("/dex/healthz", _health),
                Route("/dex/auth", self.authorize),
                Route("/dex/auth/local", self.begin),
                Route("/dex/auth/local/login", self.form, methods=["GET"]),
                Route("/dex/auth/local/login", self.login, methods=["POST"]),
                Route("/dex/token", self.token, methods=["POST"]),
                Route("/dex/userinfo", self.userinfo),
                Route("/dex/keys", _without_keys),
                Route("/dex/.well-known/openid-configuration", _without_keys),
            ]
        )


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


def _problem(asked: Mapping[str, str]) -> str:
    """Say what is wrong with a request for authorization; empty if nothing is."""
    if asked.get("client_id") != CLIENT_ID:
        return f"Invalid client_id ({asked.get('client_id', '')!r})."
    if asked.get("redirect_uri") != CALLBACK:
        return f"Unregistered redirect_uri ({asked.get('redirect_uri', '')!r})."
    if asked.get("response_type") != "code":
        return f"Unsupported response_type ({asked.get('response_type', '')!r})."
    if "openid" not in asked.get("scope", "").split():
        return 'Missing required scope(s) ["openid"].'
    return ""


def _form_page(text: str) -> Response:
    return HTMLResponse(text, headers={"Cache-Control": "no-store", "X-Frame-Options": "DENY"})


def _unknown_request() -> Response:
    return PlainTextResponse("Bad Request\nRequested resource does not exist.\n", 400)


def _refused(error: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


async def _health(_: Request) -> Response:
    return PlainTextResponse("Health check passed")


async def _without_keys(_: Request) -> Response:
    return PlainTextResponse("This stand-in for Dex issues no ID tokens, and so has no keys.\n", 501)
