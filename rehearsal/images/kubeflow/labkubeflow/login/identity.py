"""The gatekeeper's side of Dex: from a code to the user who logged in."""

from __future__ import annotations

import json
from typing import Any, Protocol

import urllib3

from labkubeflow.login import CALLBACK, CLIENT_ID

TIMEOUT_SECONDS = 20.0


class IdentityError(Exception):
    """Dex refused, or does not answer."""


class Provider(Protocol):
    """Who knows the users."""

    def user_of(self, code: str) -> str:
        """Return the user whose login gave this code; each code can be used once.

        Raises:
            IdentityError: the code is not valid, or the provider cannot be asked.
        """


class DexProvider:
    """Dex, asked over HTTP.

    Args:
        address: of its service, such as `http://dex-auth:5556`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        # The types published for urllib3 do not cover its requests.
        self._pool: Any = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._pool.clear()

    def user_of(self, code: str) -> str:
        """Return the user; see `Provider`."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
        }
        answer = self._ask("POST", "/dex/token", fields=fields, encode_multipart=False)
        claims = self._ask(
            "GET", "/dex/userinfo", headers={"Authorization": f"Bearer {answer.get('access_token')}"}
        )
        user = claims.get("email")
        if not isinstance(user, str) or not user:
            raise IdentityError("there is no claim 'email' in what Dex tells about the user")
        return user

    def _ask(self, method: str, path: str, **how: object) -> dict[str, Any]:
        try:
            response = self._pool.request(method, self._address + path, **how)
        except urllib3.exceptions.HTTPError as error:
            raise IdentityError(f"Dex does not answer: {type(error).__name__}") from error
        try:
            answer = json.loads(response.data)
        except ValueError:
            raise IdentityError(f"Dex answers with HTTP {response.status} and no JSON") from None
        if response.status != 200 or not isinstance(answer, dict):
            reason = answer.get("error_description") if isinstance(answer, dict) else None
            raise IdentityError(f"Dex refuses with HTTP {response.status}: {reason}")
        return answer
