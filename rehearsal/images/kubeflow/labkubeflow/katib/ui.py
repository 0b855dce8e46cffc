"""Katib's page, and the addresses that its browser application asks: `python3 -m labkubeflow.katib.ui`.

Addresses, parameters and answers as in kubeflow/katib pkg/ui/v1beta1/backend.go and authzn.go.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.common.web import USER_HEADER, application, log_to_stderr, serve

from . import names
from .names import Object

PORT = 8080
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class Client(Protocol):
    """The part of `labkubeflow.common.kube.Kube` that is used."""

    def request(self, method: str, path: str, body: object = None) -> Object:
        """Send one request and return the answer."""

    def may(self, user: str, groups: list[str], attributes: Mapping[str, str]) -> bool:
        """Tell whether someone may do something."""


class _RefusedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Pages:
    """What is answered.

    Args:
        kube: asks the API server.
    """

    def __init__(self, kube: Client) -> None:
        self._kube = kube

    def experiments(self, request: Request) -> Response:
        """List the experiments of a namespace."""
        namespace = self._allowed(request, "list", "experiments")
        found = self._list(namespace)
        return JSONResponse([_view(item) for item in found])

    def one(self, plural: str, parameter: str) -> Callable[[Request], Response]:
        """Return the handler that shows one object, which a parameter of the address names."""

        def show(request: Request) -> Response:
            name = _name(request, parameter)
            namespace = self._allowed(request, "get", plural, name)
            return JSONResponse(self._kube.request("GET", f"{names.collection(plural, namespace)}/{name}"))

        return show

    def delete(self, request: Request) -> Response:
        """Delete an experiment; list the others of its namespace."""
        name = _name(request, "experimentName")
        namespace = self._allowed(request, "delete", "experiments", name)
        self._kube.request("DELETE", f"{names.collection('experiments', namespace)}/{name}")
        left = [item for item in self._list(namespace) if item["metadata"]["name"] != name]
        return JSONResponse([_view(item) for item in left])

    def namespaces(self, request: Request) -> Response:
        """List the namespaces whose experiments the user may see."""
        return JSONResponse(self._visible(_user(request)))

    def page(self, request: Request) -> Response:
        """Show a page with all experiments that the user may see."""
        found = {space: self._list(space) for space in self._visible(_user(request))}
        return HTMLResponse(_page(found))

    def _list(self, namespace: str) -> list[Object]:
        items: list[Object] = self._kube.request("GET", names.collection("experiments", namespace))["items"]
        return items or []

    def _visible(self, user: str) -> list[str]:
        items = self._kube.request("GET", "/api/v1/namespaces")["items"]
        spaces = [item["metadata"]["name"] for item in items]
        return [space for space in spaces if self._may(user, "list", "experiments", space)]

    def _may(self, user: str, verb: str, plural: str, namespace: str, name: str = "") -> bool:
        attributes = {
            "group": names.GROUP,
            "version": names.VERSION,
            "resource": plural,
            "verb": verb,
            "namespace": namespace,
        }
        return self._kube.may(user, [], {**attributes, "name": name} if name else attributes)

    def _allowed(self, request: Request, verb: str, plural: str, name: str = "") -> str:
        user = _user(request)
        namespace = _name(request, "namespace")
        if not self._may(user, verb, plural, namespace, name):
            text = f"User: {user} is not authorized to {verb} {names.API}/{plural} in namespace: {namespace}"
            raise _RefusedError(403, text)
        return namespace


def _user(request: Request) -> str:
    user = request.headers.get(USER_HEADER, "")
    if not user:
        raise _RefusedError(401, f"there is no header {USER_HEADER}")
    return user


def _name(request: Request, parameter: str) -> str:
    value = request.query_params.get(parameter, "")
    # It becomes part of a path.
    if not _DNS_NAME.fullmatch(value):
        raise _RefusedError(400, f"the parameter {parameter} must be given, and be a name")
    return value


def _view(experiment: Object) -> Object:
    status = experiment.get("status") or {}
    conditions = status.get("conditions") or []
    return {
        "name": experiment["metadata"]["name"],
        "namespace": experiment["metadata"]["namespace"],
        "type": "hp",
        "status": conditions[-1]["type"] if conditions else "",
        **status,
    }


def _page(found: Mapping[str, list[Object]]) -> str:
    rows = [_row(space, item) for space, items in found.items() for item in items]
    body = "".join(rows) or '<tr><td colspan="6">no experiments</td></tr>'
    heads = "".join(
        f"<th>{head}</th>" for head in ("namespace", "experiment", "status", "trials", "best trial", "")
    )
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Katib - REHEARSAL</title></head>"
        "<body><h1>Katib - REHEARSAL</h1><p>This is a stand-in, not Katib.</p>"
        f"<table id=experiments><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></body></html>"
    )


def _row(space: str, experiment: Object) -> str:
    view = _view(experiment)
    best = view.get("currentOptimalTrial") or {}
    assigned = [f"{item['name']}={item['value']}" for item in best.get("parameterAssignments", [])]
    metrics = (best.get("observation") or {}).get("metrics", [])
    seen = [f"{item['name']}: {item['latest']}" for item in metrics]
    cells = (
        space,
        view["name"],
        view["status"],
        f"{view.get('trialsSucceeded', 0)} of {view.get('trials', 0)} succeeded",
        best.get("bestTrialName", ""),
        ", ".join([*assigned, *seen]),
    )
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _refuse(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, _RefusedError) else 500
    return PlainTextResponse(str(error), status)


def _kube_refuses(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, KubeError) else 0
    return PlainTextResponse(str(error), status if status in (404, 409) else 502)


def _missing(_: Request) -> Response:
    return PlainTextResponse("This rehearsal's Katib has no such page.", 501)


def app(kube: Client) -> Starlette:
    """Return the application."""
    pages = Pages(kube)
    routes: list[BaseRoute] = [
        Route("/katib/", pages.page),
        Route("/katib/fetch_namespaces", pages.namespaces),
        Route("/katib/fetch_experiments/", pages.experiments),
        Route("/katib/fetch_experiment/", pages.one("experiments", "experimentName")),
        Route("/katib/fetch_suggestion/", pages.one("suggestions", "suggestionName")),
        Route("/katib/fetch_trial/", pages.one("trials", "trialName")),
        Route("/katib/delete_experiment/", pages.delete, methods=["GET", "DELETE"]),
        Route("/katib/{rest:path}", _missing, methods=["GET", "POST", "PUT", "DELETE"]),
    ]
    made = application(routes)
    made.add_exception_handler(_RefusedError, _refuse)
    made.add_exception_handler(KubeError, _kube_refuses)
    return made


def main() -> None:
    """Serve until the pod is told to end."""
    log_to_stderr()
    serve(app(Kube.in_pod()), PORT)


if __name__ == "__main__":
    main()
