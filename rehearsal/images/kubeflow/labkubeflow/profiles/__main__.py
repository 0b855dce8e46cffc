"""The application kubeflow-profiles: the controller, and the access API on a port of its own."""

from __future__ import annotations

import threading
from typing import Any

from labkubeflow.common.kube import Kube
from labkubeflow.common.lean import without_kubernetes_client
from labkubeflow.common.web import log_to_stderr, serve
from labkubeflow.profiles import kfam

KFAM_PORT = 8081


def main() -> None:
    """Serve the access API and act on Profiles until told to stop."""
    without_kubernetes_client()
    import kopf

    from labkubeflow.common.controller import run_controller
    from labkubeflow.profiles.reconcile import handle

    log_to_stderr()
    kube = Kube.in_pod()

    @kopf.on.resume("kubeflow.org", "v1", "profiles")
    @kopf.on.create("kubeflow.org", "v1", "profiles")
    @kopf.on.update("kubeflow.org", "v1", "profiles", field="spec")
    def changed(body: kopf.Body, **_: Any) -> None:
        handle(kube, body)

    threading.Thread(target=run_controller, daemon=True).start()
    serve(kfam.application(kube), KFAM_PORT)


if __name__ == "__main__":
    main()
