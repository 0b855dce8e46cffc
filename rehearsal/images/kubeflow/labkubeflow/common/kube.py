"""The Kubernetes API as a pod's service account sees it.

Objects are plain dictionaries. The `kubernetes` package would do the same, but takes many seconds to import
in an emulated guest, and knows no custom resources.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

Object = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MERGE_PATCH = "application/merge-patch+json"
TIMEOUT_SECONDS = 30.0
WATCH_SECONDS = 300
"""So long the API server keeps a watch open."""


class KubeError(Exception):
    """The API server refused a request, or cannot be reached.

    Attributes:
        status: the HTTP status, 0 if there was no answer.
        reason: Kubernetes' word for it, such as `NotFound`; may be empty.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Kube:
    """A client; its methods may be called from several threads at once.

    Args:
        address: such as `https://10.152.183.1:443`.
        account: the directory with the service account's `token` and `ca.crt`.
    """

    def __init__(self, address: str, account: Path = ACCOUNT) -> None:
        self._address = address.rstrip("/")
        self._account = account
        # The types published for urllib3 do not cover its requests.
        self._pool: Any = urllib3.PoolManager(maxsize=4, ca_certs=str(account / "ca.crt"), retries=False)

    @classmethod
    def in_pod(cls) -> Kube:
        """Return the client of the pod that this runs in."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        return cls(f"https://{host}:{port}")

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._pool.clear()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
        timeout: float = TIMEOUT_SECONDS,
    ) -> Object:
        """Send one request and return the answer.

        Args:
            method: the HTTP method.
            path: of the API, such as `/api/v1/namespaces`.
            body: what is sent as JSON.
            query: parameters of the address.
            kind: the body's content type; `MERGE_PATCH` for a patch.
            timeout: in seconds.

        Raises:
            KubeError: the server refused it or cannot be reached.
        """
        answer: Object = json.loads(self._send(method, path, body, query, kind, timeout))
        return answer

    def text(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> str:
        """Return what is no object: the log of a pod.

        Args:
            path: of the API.
            query: parameters of the address.
            timeout: in seconds.

        Raises:
            KubeError: the server refused it or cannot be reached.
        """
        return self._send("GET", path, None, query, "application/json", timeout).decode(errors="replace")

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, str] | None,
        kind: str,
        timeout: float,
    ) -> bytes:
        # Read each time: the kubelet renews it.
        token = (self._account / "token").read_text(encoding="utf-8").strip()
        accept = "application/json, */*"
        headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": kind}
        url = self._address + path
        if query:
            url += "?" + urlencode(query)
        content = None if body is None else json.dumps(body).encode()
        try:
            response = self._pool.request(method, url, body=content, headers=headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise KubeError(0, "", f"the API server cannot be reached: {error}") from error
        if response.status >= 400:
            raise _refusal(response.status, response.data)
        data: bytes = response.data
        return data

    def watch(self, path: str, *, query: Mapping[str, str]) -> Iterator[tuple[str, Object]]:
        """Yield the changes of objects, as `(type, object)`, until the server ends the watch.

        Args:
            path: of the kind, such as `/api/v1/pods`.
            query: parameters of the address, with the `resourceVersion` to begin after.

        Raises:
            KubeError: the server refused it (410: the version is too old) or cannot be reached.
        """
        url = f"{self._address}{path}?" + urlencode(
            {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        )
        token = (self._account / "token").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        patience = urllib3.Timeout(connect=TIMEOUT_SECONDS, read=WATCH_SECONDS + TIMEOUT_SECONDS)
        try:
            response = self._pool.request(
                "GET", url, headers=headers, timeout=patience, preload_content=False
            )
            try:
                if response.status >= 400:
                    raise _refusal(response.status, response.read())
                for line in response:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _refusal(
                            int(event["object"].get("code", 500)), json.dumps(event["object"]).encode()
                        )
                    yield event["type"], event["object"]
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, json.JSONDecodeError) as error:
            raise KubeError(0, "", f"the watch was lost: {error}") from error

    def ensure(self, path: str, manifest: Object) -> Object:
        """Create an object, or change an existing one to what the manifest says; what it does not name stays.

        Args:
            path: where objects of its kind are, such as `/api/v1/namespaces/one/secrets`.
            manifest: the object; its metadata has a name.

        Raises:
            KubeError: the server refused it or cannot be reached.
        """
        try:
            return self.request("POST", path, manifest)
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise
        name = manifest["metadata"]["name"]
        return self.request("PATCH", f"{path}/{name}", manifest, kind=MERGE_PATCH)

    def review_token(self, token: str, audiences: list[str] | None = None) -> Object:
        """Ask whose token this is; return the status of the TokenReview.

        Args:
            token: a service account's token.
            audiences: who it must be meant for, one of them at least; None for the API server itself.

        Raises:
            KubeError: the question could not be asked; a bad token is an answer with `authenticated` unset.
        """
        spec: Object = {"token": token}
        if audiences:
            spec["audiences"] = audiences
        return self._review("authentication.k8s.io/v1", "TokenReview", spec)

    def may(self, user: str, groups: list[str], attributes: Mapping[str, str]) -> bool:
        """Tell whether someone may do something (SubjectAccessReview).

        Args:
            user: the user's name.
            groups: the user's groups.
            attributes: namespace, verb, group, resource and so on, as `resourceAttributes` has them.

        Raises:
            KubeError: the question could not be asked.
        """
        spec = {"user": user, "groups": groups, "resourceAttributes": dict(attributes)}
        status = self._review("authorization.k8s.io/v1", "SubjectAccessReview", spec)
        return bool(status.get("allowed"))

    def _review(self, version: str, kind: str, spec: Object) -> Object:
        body = {"apiVersion": version, "kind": kind, "spec": spec}
        answer = self.request("POST", f"/apis/{version}/{kind.lower()}s", body)
        status: Object = answer.get("status") or {}
        return status


def _refusal(status: int, data: bytes) -> KubeError:
    try:
        answer = json.loads(data)
        return KubeError(status, str(answer.get("reason") or ""), str(answer.get("message") or ""))
    except (ValueError, AttributeError):
        return KubeError(status, "", f"HTTP {status}: {data[:500].decode(errors='replace')}")
