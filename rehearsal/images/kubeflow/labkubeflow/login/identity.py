"""The gatekeeper's side of Dex: from a code to the user who logged in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from labkubeflow.common.service import Service, ServiceError
from labkubeflow.login import CALLBACK, CLIENT_ID


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
        dex: its service.
    """

    def __init__(self, dex: Service) -> None:
        self._dex = dex

    def user_of(self, code: str) -> str:
        """Return the user; see `Provider`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
        }
        token = self._ask("POST", "/dex/token", form=form).get("access_token")
        claims = self._ask("GET", "/dex/userinfo", headers={"Authorization": f"Bearer {token}"})
        user = claims.get("email")
        if not isinstance(user, str) or not user:
            raise IdentityError("there is no claim 'email' in what Dex tells about the user")
        return user

    def _ask(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            status, answer = self._dex.ask(method, path, form=form, headers=headers)
        except ServiceError as error:
            raise IdentityError(str(error)) from error
        if status != 200 or not isinstance(answer, dict):
            reason = answer.get("error_description") if isinstance(answer, dict) else None
            raise IdentityError(f"Dex refuses with HTTP {status}: {reason}")
        return answer
