"""The application kfp-profile-controller: `python3 -m labkubeflow.profiles.pipelines`."""

from __future__ import annotations

from typing import Any

from labkubeflow.common.kube import ACCOUNT, Kube
from labkubeflow.common.lean import without_kubernetes_client
from labkubeflow.common.web import log_to_stderr

LABEL = "pipelines.kubeflow.org/enabled"


def main() -> None:
    """Act on the namespaces of profiles until told to stop."""
    without_kubernetes_client()
    import kopf

    from labkubeflow.common.controller import run_controller
    from labkubeflow.profiles.pipelines.reconcile import reconcile

    log_to_stderr()
    kube = Kube.in_pod()
    own = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    labels: Any = {LABEL: "true"}

    @kopf.on.resume("", "v1", "namespaces", labels=labels)
    @kopf.on.create("", "v1", "namespaces", labels=labels)
    @kopf.on.update("", "v1", "namespaces", labels=labels, field="metadata.labels")
    def changed(body: kopf.Body, **_: Any) -> None:
        reconcile(kube, own, body)

    run_controller()


if __name__ == "__main__":
    main()
