"""A small client of the Kubernetes API for programs in pods."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# The address, not the name: the program that makes names resolve uses this client too.
ADDRESS = "10.152.183.1"
MERGE_PATCH = "application/merge-patch+json"
# How long the server keeps a watch open, and how much longer we wait for it.
WATCH_SECONDS = 300
SLACK_SECONDS = 30
RETRY_SECONDS = 3


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


def key_of(item: Object) -> Key:
    """Returns the namespace ("" for none) and the name of an object."""
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Cluster:
    """The API server as the pod's service account sees it."""

    def __init__(self, account: Path = ACCOUNT) -> None:
        self._account = account
        self._context = ssl.create_default_context(cafile=str(account / "ca.crt"))

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(ADDRESS, 443, timeout=timeout, context=self._context)

    def _send(
        self, connection: http.client.HTTPSConnection, method: str, path: str, body: object, kind: str
    ) -> http.client.HTTPResponse:
        # Read each time: the kubelet renews it.
        token = (self._account / "token").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": kind}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        if response.status >= 400:
            raise ApiError(response.status, response.read().decode(errors="replace"))
        return response

    def request(
        self, method: str, path: str, body: object = None, *, kind: str = "application/json"
    ) -> Object:
        """Sends one request and returns the answer.

        Raises:
            ApiError: the server refused it.
            OSError: there is no connection.
        """
        connection = self._connect(timeout=30)
        try:
            answer: Object = json.loads(self._send(connection, method, path, body, kind).read())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        return answer

    def patch(self, path: str, body: object) -> Object:
        """Merges a change into an object."""
        return self.request("PATCH", path, body, kind=MERGE_PATCH)

    def watch(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        """Yields the changes after a version, until the server ends the watch.

        Raises:
            ApiError: the version is too old (410), or the server refused.
            OSError: the connection was lost.
        """
        connection = self._connect(timeout=WATCH_SECONDS + SLACK_SECONDS)
        query = (
            f"watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
        )
        try:
            response = self._send(connection, "GET", f"{path}?{query}", None, "application/json")
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                yield event["type"], event["object"]
        except (http.client.HTTPException, json.JSONDecodeError) as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()


class Mirror:
    """Keeps the objects of some kinds, as the API server has them, and tells when they change.

    Attributes:
        objects: by the path of their kind, then by namespace and name.
    """

    def __init__(self, cluster: Cluster, *paths: str) -> None:
        self.objects: dict[str, dict[Key, Object]] = {path: {} for path in paths}
        self._cluster = cluster
        self._changed = threading.Event()
        self._listed = {path: threading.Event() for path in paths}
        self._lock = threading.Lock()
        for path in paths:
            threading.Thread(target=self._follow, args=(path,), daemon=True).start()

    def values(self, path: str) -> list[Object]:
        """Returns the objects of a kind, sorted by namespace and name."""
        with self._lock:
            return [item for _, item in sorted(self.objects[path].items(), key=lambda pair: pair[0])]

    def changes(self, settle: float = 0.2, idle: float = 60) -> Iterator[None]:
        """Yields once all kinds are known, and after each change (or some time without one)."""
        for event in self._listed.values():
            event.wait()
        while True:
            self._changed.clear()
            yield
            self._changed.wait(idle)
            # Changes come in bunches.
            time.sleep(settle)

    def _follow(self, path: str) -> None:
        while True:
            try:
                answer = self._cluster.request("GET", path)
                with self._lock:
                    self.objects[path] = {key_of(item): item for item in answer["items"] or []}
                self._listed[path].set()
                self._changed.set()
                self._watch(path, answer["metadata"]["resourceVersion"])
            except (ApiError, OSError) as error:
                if not (isinstance(error, ApiError) and error.status == 410):
                    print(f"{path}: {error}", flush=True)
                    time.sleep(RETRY_SECONDS)

    def _watch(self, path: str, version: str) -> None:
        while True:
            for kind, item in self._cluster.watch(path, version):
                version = item["metadata"]["resourceVersion"]
                if kind == "BOOKMARK":
                    continue
                with self._lock:
                    if kind == "DELETED":
                        self.objects[path].pop(key_of(item), None)
                    else:
                        self.objects[path][key_of(item)] = item
                self._changed.set()
