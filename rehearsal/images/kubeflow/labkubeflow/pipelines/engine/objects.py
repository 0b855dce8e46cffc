"""The object store, as far as the engine reads it: objects by S3's protocol, signed with version 4.

A client library for S3 would be many times as large as this one request. Contract: Amazon S3's documentation,
"Signature Calculations for the Authorization Header", checked against rclone's server in a test.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

_EMPTY = hashlib.sha256(b"").hexdigest()
_REGION = "us-east-1"
TIMEOUT_SECONDS = 30.0


class ObjectStore:
    """Reads objects; see `ports.Objects`.

    Args:
        endpoint: URL of the store, such as `http://minio.kubeflow:9000`.
        keys: gives access key and secret key, None while there are none.
        clock: tells the time, in seconds since 1970.
    """

    def __init__(
        self,
        endpoint: str,
        keys: Callable[[], tuple[str, str] | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._keys = keys
        self._clock = clock
        # The types published for urllib3 do not cover its requests.
        self._pool: Any = urllib3.PoolManager(retries=False)

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._pool.clear()

    def get(self, uri: str) -> bytes | None:
        """Return an object's content, None if there is none.

        Args:
            uri: `minio://bucket/key`.

        Raises:
            OSError: the store cannot be reached, or refuses.
        """
        keys = self._keys()
        if keys is None:
            raise OSError("the object store has no keys yet")
        path = "/" + quote(uri.partition("://")[2], safe="/-_.~")
        headers = sign("GET", urlsplit(self._endpoint).netloc, path, keys, self._clock())
        try:
            answer = self._pool.request(
                "GET", self._endpoint + path, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"the object store cannot be reached: {error}") from error
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise OSError(f"the object store refuses {uri}: HTTP {answer.status}")
        content: bytes = answer.data
        return content


def sign(method: str, host: str, path: str, keys: tuple[str, str], now: float) -> dict[str, str]:
    """Return the headers of a request without query and body.

    Args:
        method: the HTTP method.
        host: name and port.
        path: quoted already.
        keys: access key and secret key.
        now: seconds since 1970.
    """
    access, secret = keys
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    day = stamp[:8]
    headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = "\n".join([method, path, "", lines, names, _EMPTY])
    scope = f"{day}/{_REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, _REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    words = f"Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {words}"}
