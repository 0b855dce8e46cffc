"""Asks web services, and says in plain words why there was no answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

SECONDS = 8.0
LONGEST = 64 * 1024 * 1024
"""Bytes of an answer that are read; the longest one wanted has about one MiB."""

NETWORK_CURE = "Check the network and the proxy variables."
_CLOCK_CURE = (
    "The clock of this computer may be wrong: set it, for example with: sudo timedatectl set-ntp true"
)
_TRUST_CURE = (
    "Something between here and there opens encrypted connections. Add its CA certificate to this computer's "
    "(on Debian: /usr/local/share/ca-certificates/, then sudo update-ca-certificates)."
)
_EXPIRED, _NOT_YET_VALID = 10, 9


@dataclass(frozen=True)
class Answer:
    """What a web service answered.

    Attributes:
        headers: By lower-case name.
        received: When, in seconds since 1970 by this computer's clock.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: float


class Fetch(Protocol):
    """Asks web services; `client` makes one, and tests pass a fake."""

    def __call__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        timeout: float = SECONDS,
    ) -> Answer:
        """Ask a web service."""
        ...


class NoAnswer(Exception):  # noqa: N818 - it says what happened
    """Nobody answered.

    Attributes:
        reason: Why, as part of a sentence.
        advice: What to do.
    """

    def __init__(self, reason: str, advice: str = NETWORK_CURE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


def client(proxies: Mapping[str, str], certificates: str = "") -> Fetch:
    """Return what asks web services as the guest will.

    Any HTTP status is an answer. What it returns raises `NoAnswer` if there was none.

    Args:
        proxies: URLs of proxies by ``http`` and ``https``; what is not named is asked directly.
        certificates: Certificate authorities to trust beside the system's, as PEM.
    """
    trust = ssl.create_default_context()
    if certificates:
        # What cannot be read is not trusted; the answer that then fails says so.
        with contextlib.suppress(ssl.SSLError):
            trust.load_verify_locations(cadata=certificates)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(dict(proxies)), urllib.request.HTTPSHandler(context=trust)
    )

    def fetch(
        url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", timeout: float = SECONDS
    ) -> Answer:
        request = urllib.request.Request(url, headers=dict(headers or {}), method=method)  # noqa: S310 - constants
        try:
            with opener.open(request, timeout=timeout) as response:
                return _answer(response.status, response.headers.items(), response.read(LONGEST))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers.items(), b"")
        except urllib.error.URLError as error:
            raise _explain(error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise _explain(error) from error

    return fetch


def _answer(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers}, body, time.time())


def _explain(reason: object) -> NoAnswer:
    if isinstance(reason, ssl.SSLCertVerificationError):
        if reason.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return NoAnswer(f"its certificate counts as {reason.verify_message}", _CLOCK_CURE)
        return NoAnswer(f"its certificate is not trusted here: {reason.verify_message}", _TRUST_CURE)
    if isinstance(reason, ssl.SSLError):
        return NoAnswer(f"something else answered in its place, without encryption: {reason}")
    if isinstance(reason, socket.gaierror):
        return NoAnswer(f"its name is not known here ({reason.strerror})")
    if isinstance(reason, TimeoutError):
        return NoAnswer("it did not answer in time")
    return NoAnswer(str(reason) or type(reason).__name__)
