"""`python3 -m labkubeflow.pipelines_ui`: the program of the pod."""

from __future__ import annotations

from labkubeflow.common import web
from labkubeflow.common.kube import Kube
from labkubeflow.pipelines_ui.app import application
from labkubeflow.pipelines_ui.backend import Backend

PORT = 3000
BACKEND = "http://ml-pipeline:8888"
PROFILES = "app.kubernetes.io/part-of=kubeflow-profile"
"""Label of the namespaces that belong to profiles."""


def profile_namespaces(kube: Kube) -> list[str]:
    """Return the names of all namespaces of profiles.

    Raises:
        KubeError: they cannot be told.
    """
    answer = kube.request("GET", "/api/v1/namespaces", query={"labelSelector": PROFILES})
    return [item["metadata"]["name"] for item in answer["items"] or []]


def main() -> None:
    """Serve until the pod is stopped."""
    web.log_to_stderr()
    kube = Kube.in_pod()
    web.serve(application(Backend(BACKEND), lambda: profile_namespaces(kube)), PORT)


if __name__ == "__main__":
    main()
