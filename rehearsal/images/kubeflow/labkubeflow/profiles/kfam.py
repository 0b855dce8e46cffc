"""KFAM, the access API: which namespaces a user has, and in which role.

The part that the dashboard reads: kubeflow/kubeflow v1.8-branch, components/access-management/api.
Contributors are neither added nor removed by it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from labkubeflow.common import web
from labkubeflow.common.kube import Kube, KubeError

_BINDINGS = "/apis/rbac.authorization.k8s.io/v1"
_ROLES = {"kubeflow-admin": "admin", "kubeflow-edit": "edit", "kubeflow-view": "view"}


def application(kube: Kube) -> Starlette:
    """Return the API's application."""

    def bindings(request: Request) -> Response:
        user = request.query_params.get("user", "")
        namespace = request.query_params.get("namespace", "")
        try:
            found = list(_bindings(kube, user, namespace))
        except KubeError as error:
            return PlainTextResponse(f"the cluster did not answer: {error}", 502)
        return JSONResponse({"bindings": found})

    def refuse(_: Request) -> Response:
        return PlainTextResponse("contributors cannot be changed in a rehearsal", 501)

    def is_admin(_: Request) -> Response:
        # Charmed Kubeflow knows one, the charm's own user; here nobody has rights in all namespaces.
        return JSONResponse(False)

    return web.application(
        [
            Route("/kfam/v1/bindings", bindings, methods=["GET"]),
            Route("/kfam/v1/bindings", refuse, methods=["POST", "DELETE"]),
            Route("/kfam/v1/role/clusteradmin", is_admin, methods=["GET"]),
        ]
    )


def _bindings(kube: Kube, user: str, namespace: str) -> Iterator[dict[str, Any]]:
    """Yield who has which role in which profile."""
    path = f"{_BINDINGS}/namespaces/{namespace}/rolebindings" if namespace else f"{_BINDINGS}/rolebindings"
    for item in kube.request("GET", path)["items"]:
        role = _ROLES.get(item["roleRef"]["name"])
        for subject in item.get("subjects") or ():
            if role and subject["kind"] == "User" and user in ("", subject["name"]):
                yield {
                    "user": {"kind": "User", "name": subject["name"]},
                    "referredNamespace": item["metadata"]["namespace"],
                    "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": role},
                }
