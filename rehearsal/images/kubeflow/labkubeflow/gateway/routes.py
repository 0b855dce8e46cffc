"""Where the paths of the gateway lead: what the charms of Kubeflow 1.8 say in their ingress relations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """A prefix of paths and the service behind it.

    Attributes:
        prefix: with a slash at its end, the path without it is not meant.
        service: in the gateway's own namespace.
        port: the service's.
        open: whether it is reached without a login.
        body: the largest body of a request, in nginx's words; 0 is any.
    """

    prefix: str
    service: str
    port: int
    open: bool = False
    body: str = "0"


@dataclass(frozen=True)
class Absent:
    """A prefix of paths of a component that this edition does not have."""

    prefix: str
    what: str


ROUTES = (
    Route("/", "kubeflow-dashboard", 8082),
    Route("/authservice/", "oidc-gatekeeper", 8080, open=True, body="64k"),
    Route("/dex/", "dex-auth", 5556, open=True, body="64k"),
    Route("/katib/", "katib-ui", 8080),
    Route("/kfam/", "kubeflow-profiles", 8081),
    Route("/pipeline", "kfp-ui", 3000),
)

ABSENT = (
    Absent("/jupyter/", "Notebooks"),
    Absent("/ml_metadata", "ML metadata"),
    Absent("/tensorboards/", "Tensorboards"),
    Absent("/volumes/", "Volumes"),
)
