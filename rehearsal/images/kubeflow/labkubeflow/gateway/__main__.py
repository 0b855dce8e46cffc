"""`python3 -m labkubeflow.gateway`: the gateway's pod writes nginx's configuration, and becomes nginx."""

from __future__ import annotations

import os
from pathlib import Path

from labkubeflow.gateway.nginx import Surroundings, render
from labkubeflow.gateway.routes import ABSENT, ROUTES

CONFIG = Path("/tmp/nginx.conf")


def main() -> None:
    """Become nginx."""
    where = Surroundings.read(os.environ["POD_NAMESPACE"])
    CONFIG.write_text(render(where, ROUTES, ABSENT), encoding="utf-8")
    os.execvp("nginx", ["nginx", "-e", "stderr", "-c", str(CONFIG)])


if __name__ == "__main__":
    main()
