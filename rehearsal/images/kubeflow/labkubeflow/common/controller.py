"""What the controllers share: kopf, with the pod's service account and a start as short as it can be."""

from __future__ import annotations

import logging
import os
from typing import Any

import kopf

LIVENESS_PORT = 8090
"""Where the probes of a controller's pod ask."""

DOMAIN = "rehearsal.kubeflow-lab.dev"
"""Prefix of the annotations in which kopf remembers what it has done."""


def run_controller() -> None:
    """Act on what the registered handlers watch; ends with the whole process if it cannot go on.

    May be called in any thread.
    """

    @kopf.on.startup()
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=DOMAIN)
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=DOMAIN)
        # Events of kopf's own tell nothing that the objects' status does not, and each is a request.
        settings.posting.enabled = False

    @kopf.on.login()
    def login(**kwargs: Any) -> Any:
        # The other ways import clients that take seconds to load in an emulated guest.
        return kopf.login_with_service_account(**kwargs)

    # One line for each question of the probes would hide all others.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        kopf.run(
            standalone=True, clusterwide=True, liveness_endpoint=f"http://0.0.0.0:{LIVENESS_PORT}/healthz"
        )
    except Exception:
        logging.exception("The controller cannot go on")
    os._exit(1)
