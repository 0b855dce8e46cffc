"""Finds out, before anything is created, whether the snap store can be reached."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

from lab.errors import NetworkError

STORE_URL = "https://api.snapcraft.io/v2/snaps/info/microk8s"

Fetch = Callable[[str, Mapping[str, str], float], bytes]
"""Gets a URL with headers within so many seconds and returns the body, or raises OSError."""


def fetch(url: str, headers: Mapping[str, str], timeout: float) -> bytes:
    """Get a URL, through the proxy that the environment names if there is one."""
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - the URL is the constant above
    with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
        body: bytes = response.read()
        return body


def check_store(fetch: Fetch = fetch, *, timeout: float = 10.0) -> None:
    """Ask the snap store for one snap.

    Only a proper answer counts: a proxy that refuses and a login page of a hotel both answer too.

    Raises:
        NetworkError: There was none.
    """
    try:
        body = fetch(STORE_URL, {"Snap-Device-Series": "16", "Accept": "application/json"}, timeout)
        name = json.loads(body).get("name")
    except urllib.error.HTTPError as error:
        raise _unreachable(f"it answered with HTTP status {error.code}") from error
    except urllib.error.URLError as error:
        raise _unreachable(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(str(error) or type(error).__name__) from error
    except (ValueError, AttributeError) as error:
        raise _unreachable("something else answered in its place") from error
    if name != "microk8s":
        raise _unreachable("something else answered in its place")


def _unreachable(why: str) -> NetworkError:
    return NetworkError(
        f"The snap store cannot be reached ({STORE_URL.split('/')[2]}): {why}.",
        code="LAB-NET-001",
        hint="Check the network and the proxy variables. A lab that needs no store: "
        "python -m lab --edition rehearsal up",
    )
