"""`python3 -m labkubeflow.dashboard`: the program of the dashboard's pod."""

from __future__ import annotations

import sys

from labkubeflow.common import web
from labkubeflow.common.kube import Kube
from labkubeflow.common.options import OptionError, Options
from labkubeflow.common.service import Service
from labkubeflow.dashboard.app import PORT, Dashboard
from labkubeflow.dashboard.workgroups import Workgroups


def main() -> None:
    """Serve until the pod is stopped."""
    web.log_to_stderr()
    try:
        registration = Options.read().flag("registration-flow")
    except OptionError as error:
        sys.exit(str(error))
    workgroups = Workgroups(Service("kubeflow-profiles", "http://kubeflow-profiles:8081"))
    gatekeeper = Service("oidc-gatekeeper", "http://oidc-gatekeeper:8080")
    web.serve(Dashboard(workgroups, Kube.in_pod(), gatekeeper, registration).application(), PORT)


if __name__ == "__main__":
    main()
