"""Katib's controller: `python3 -m labkubeflow.katib`."""

from __future__ import annotations

import asyncio
import logging
import os

from labkubeflow.common.lean import without_kubernetes_client
from labkubeflow.common.web import log_to_stderr


def main() -> None:
    """Run the controller in the namespace that KATIB_CORE_NAMESPACE names."""
    without_kubernetes_client()
    from .operator import run

    log_to_stderr()
    # One line for each question of the probes and of the API server would hide all others.
    for name in ("kopf", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    asyncio.run(run(os.environ["KATIB_CORE_NAMESPACE"]))


if __name__ == "__main__":
    main()
