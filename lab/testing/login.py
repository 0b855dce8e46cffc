"""Logging in through the gateway as a person with a browser does.

The steps are those of Dex's form and of the authentication service in front of Kubeflow
(arrikto/oidc-authservice, server.go; dexidp/dex, server/handlers.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from lab.errors import AcceptanceError
from lab.gateway import SESSION_COOKIE, Credentials
from lab.testing.waiting import Pending, wait_until

REQUEST_TIMEOUT = 60.0
"""Seconds for one request: what answers may run in an emulated machine, and has just been started."""

LOGIN_DEADLINE = 180.0
REDIRECTS = 10

AWAY = (502, 503, 504)
"""What the gateway answers for something that is not there, or not yet."""


class _Steady(Retry):
    """Pauses that stop doubling early: what is back is not left waiting for a minute."""

    DEFAULT_BACKOFF_MAX = 10


_PATIENCE = _Steady(
    total=20,
    connect=0,
    allowed_methods=["GET", "HEAD"],
    status_forcelist=AWAY,
    backoff_factor=0.5,
    respect_retry_after_header=False,
    raise_on_status=False,
)
"""Asks again while what is behind the gateway comes back. The pauses double, to ten seconds: nearly three
minutes in all, for an old kubelet takes one to let go of a pod's name."""


class LoginRefused(AcceptanceError):  # noqa: N818 - the name says it
    """The login showed its form again: user name or password is wrong."""


class LoginBroken(AcceptanceError):  # noqa: N818 - the name says it
    """The login went another way than to the form and back with a session."""


class GatewaySession(requests.Session):
    """A browser at the gateway: paths are enough as URLs, cookies are kept, nothing else is reached.

    Args:
        url: The tunnel's end on this host.
        host: The name that the gateway is asked for.
        patient: Whether to ask again, for nearly three minutes, when what is behind the gateway is away.
    """

    def __init__(self, url: str, host: str, *, patient: bool = True) -> None:
        super().__init__()
        self.url = url
        self.host = host
        # Proxies and logins of this host have nothing to do with the tunnel.
        self.trust_env = False
        self.headers["Host"] = host
        self.adapters.clear()
        self.mount(f"{url}/", HTTPAdapter(max_retries=_PATIENCE if patient else 0))

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Send a request; a URL that begins with ``/`` is a path of the gateway."""
        options.setdefault("timeout", REQUEST_TIMEOUT)
        if isinstance(url, str) and url.startswith("/"):
            url = self.url + url
        return super().request(method, url, *args, **options)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer leads; the gateway by its own name is the tunnel."""
        target = super().get_redirect_target(resp)
        parts = urlsplit(target or "")
        if parts.hostname == urlsplit(f"//{self.host}").hostname:
            return urlunsplit(("", "", parts.path or "/", parts.query, parts.fragment))
        return target

    @property
    def token(self) -> str:
        """The value of the session's cookie; empty without a session."""
        return next((str(cookie.value) for cookie in self.cookies if cookie.name == SESSION_COOKIE), "")


def path_of(answer: requests.Response) -> str:
    """Return the path where an answer with a redirection leads; empty if it has none."""
    return urlsplit(answer.headers.get("Location", "")).path


def settled(ask: Callable[[], requests.Response], *, deadline: float = LOGIN_DEADLINE) -> requests.Response:
    """Ask until something behind the gateway answers, whatever it says: for requests that GET is not.

    Raises:
        WaitTimeout: Nothing had answered before the deadline, in seconds.
    """

    def look() -> requests.Response | Pending:
        answer = ask()
        if answer.status_code in AWAY:
            return Pending(f"HTTP {answer.status_code}: {answer.text[:200].strip()}")
        return answer

    return wait_until(look, what="an answer", deadline=deadline, tolerate=(requests.ConnectionError,))


def open_form(session: GatewaySession, path: str = "/") -> requests.Response:
    """Follow the way from a page that needs a login to the login's form.

    Raises:
        LoginBroken: It does not lead there.
    """
    answer = session.get(path)
    if answer.status_code != 200 or not urlsplit(answer.url).path.endswith("/login"):
        raise LoginBroken(
            f"{path} does not lead to the login but to {urlsplit(answer.url).path}: "
            f"HTTP {answer.status_code}: {answer.text[:200].strip()}",
            code="LAB-TEST-021",
        )
    return answer


def fill_in(session: GatewaySession, form: requests.Response, login: Credentials) -> None:
    """Send the login's form and go back to where it leads, until there is a session.

    Raises:
        LoginRefused: User name or password is wrong.
        LoginBroken: There is no session at the end.
    """
    data = {"login": login.username, "password": login.password}
    answer = session.post(form.url, data=data, allow_redirects=False)
    if answer.status_code == 200:
        raise LoginRefused(f"The login of {login.username} was refused.", code="LAB-TEST-020")
    for _ in range(REDIRECTS):
        target = session.get_redirect_target(answer)
        if session.token or target is None:
            break
        answer = session.get(urljoin(answer.url, target), allow_redirects=False)
    if not session.token:
        raise LoginBroken(
            f"The login gave no session but HTTP {answer.status_code} from {urlsplit(answer.url).path}: "
            f"{answer.text[:200].strip()}",
            code="LAB-TEST-022",
        )


def log_in(session: GatewaySession, login: Credentials, *, deadline: float = LOGIN_DEADLINE) -> None:
    """Log in, with patience for programs that have just been started.

    Raises:
        LoginRefused: User name or password is wrong.
        WaitTimeout: There was no session before the deadline, in seconds.
    """

    def look() -> bool | Pending:
        session.cookies.clear()
        fill_in(session, open_form(session), login)
        return True

    wait_until(look, what="a session", deadline=deadline, tolerate=(LoginBroken, requests.RequestException))
