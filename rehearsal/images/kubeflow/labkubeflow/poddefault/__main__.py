"""The application admission-webhook: `python3 -m labkubeflow.poddefault`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from labkubeflow.common import certificate, web
from labkubeflow.common.kube import ACCOUNT, Kube
from labkubeflow.poddefault import app

CERTIFICATE = "admission-webhook-cert"
"""Name of the Secret with the certificate."""


def main() -> None:
    """Tell the API server of the webhook, and serve it until told to stop."""
    web.log_to_stderr()
    kube = Kube.in_pod()
    name = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    found = certificate.keep(kube, CERTIFICATE, app.SERVICE, name)
    namespace = kube.request("GET", f"/api/v1/namespaces/{name}")
    kube.ensure(app.CONFIGURATIONS, app.configuration(namespace, found.public))
    with tempfile.TemporaryDirectory() as directory:
        web.serve(app.application(kube), app.PORT, certificate=found.write(Path(directory)))


if __name__ == "__main__":
    main()
