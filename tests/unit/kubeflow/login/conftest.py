"""A login made of its two programs, without a network between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.common.options import Options
from labkubeflow.login.dex import Account, Dex
from labkubeflow.login.gatekeeper import Gatekeeper, Settings
from labkubeflow.login.identity import IdentityError
from labkubeflow.login.store import Store
from starlette.testclient import TestClient

DEX = {"static-username": "admin", "static-password": "sesame", "connectors": "", "port": "5556"}
GATEKEEPER = {
    "public-url": "http://kubeflow.lab",
    "oidc-scopes": "profile email groups",
    "skip-auth-urls": "/dex/",
}


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Reviewer:
    """An API server that knows some tokens."""

    def __init__(self) -> None:
        self.statuses: dict[str, dict[str, Any]] = {}
        self.audiences: list[list[str] | None] = []
        self.down = False

    def review_token(self, token: str, audiences: list[str] | None = None) -> dict[str, Any]:
        if self.down:
            raise KubeError(0, "", "the API server cannot be reached")
        self.audiences.append(audiences)
        return self.statuses.get(token, {"error": "invalid bearer token"})


class LocalProvider:
    """The gatekeeper's way to Dex, without a network."""

    def __init__(self, dex: TestClient) -> None:
        self._dex = dex

    def user_of(self, code: str) -> str:
        form = {"grant_type": "authorization_code", "code": code, "client_id": "authservice-oidc"}
        form["redirect_uri"] = "/authservice/oidc/callback"
        answer = self._dex.post("/dex/token", data=form)
        if answer.status_code != 200:
            raise IdentityError(answer.text)
        token = answer.json()["access_token"]
        claims = self._dex.get("/dex/userinfo", headers={"Authorization": f"Bearer {token}"}).json()
        return str(claims["email"])


@dataclass
class Site:
    """Both programs, and one browser."""

    dex: TestClient
    keeper: TestClient
    reviewer: Reviewer
    clock: Clock
    data: Path
    stores: list[Store] = field(default_factory=list)

    def begin(self, path: str = "/") -> tuple[str, str]:
        """Ask for a page; return the address of the login form, and the state of the gatekeeper."""
        asked = self.keeper.get(path)
        state = parse_qs(urlsplit(asked.headers["Location"]).query)["state"][0]
        local = self.dex.get(asked.headers["Location"])
        return self.dex.get(local.headers["Location"]).headers["Location"], state

    def log_in(self, path: str = "/") -> str:
        """Log in in a fresh browser; return the session."""
        self.keeper.cookies.clear()
        form, _ = self.begin(path)
        sent = self.dex.post(form, data={"login": "admin", "password": "sesame"})
        back = self.keeper.get(sent.headers["Location"])
        assert back.status_code == 302
        return str(self.keeper.cookies["authservice_session"])

    def status(self, **headers: str) -> int:
        """Ask the gatekeeper about a request without the browser's cookies."""
        self.keeper.cookies.clear()
        return self.keeper.get("/pipeline", headers=headers).status_code

    def restart(self) -> None:
        """Begin again with what is on disk, as after the loss of both pods."""
        cookies = self.keeper.cookies
        self.open()
        self.keeper.cookies = cookies

    def open(self) -> None:
        """Start both programs."""
        self.close()
        self.stores = [Store(self.data / name, self.clock) for name in ("dex.db", "gatekeeper.db")]
        account = Account.from_options(Options(DEX))
        self.dex = client(Dex(account, self.stores[0]).application())
        settings = Settings.from_options(Options(GATEKEEPER))
        keeper = Gatekeeper(settings, self.stores[1], LocalProvider(self.dex), self.reviewer)
        self.keeper = client(keeper.application())

    def close(self) -> None:
        """Stop both."""
        for store in self.stores:
            store.close()


def client(app: Any) -> TestClient:
    """Return a browser that shows redirects instead of following them."""
    return TestClient(app, base_url="http://kubeflow.lab", follow_redirects=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    nothing: Any = None
    site = Site(nothing, nothing, Reviewer(), Clock(), tmp_path)
    site.open()
    yield site
    site.close()
