"""An API server that is a dictionary: paths, and the objects there."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from labkubeflow.common.kube import Kube, KubeError, Object


class FakeKube(Kube):
    """Answers requests for single objects and lists from a dictionary of paths.

    Attributes:
        objects: by path, such as `/api/v1/namespaces/one`.
        writes: what was written, as (method, path).
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.writes: list[tuple[str, str]] = []

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
        timeout: float = 0.0,
    ) -> Object:
        """See `Kube.request`."""
        if method != "GET":
            self.writes.append((method, path))
        if method == "POST":
            assert isinstance(body, dict)
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                raise KubeError(409, "AlreadyExists", f"{path} already exists")
            self.objects[path] = copy.deepcopy(body)
            return self.objects[path]
        if path not in self.objects:
            items = [item for key, item in self.objects.items() if key.rpartition("/")[0].endswith(path)]
            if method == "GET" and items:
                return {"items": items}
            raise KubeError(404, "NotFound", f"{path} not found")
        if method == "DELETE":
            return self.objects.pop(path)
        if method == "PATCH":
            _merge(self.objects[path], body)
        return self.objects[path]


def _merge(target: Any, patch: Any) -> None:
    for key, value in patch.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)
