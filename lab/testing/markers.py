"""The parts of a lab that can be tested by themselves, each with its marker for ``-m``."""

from __future__ import annotations

from collections.abc import Mapping

MARKERS: Mapping[str, str] = {
    "machine": "the Debian guest: release, snapd, groups, kernel limits",
    "microk8s": "MicroK8s, and each addon by using it",
    "juju": "Juju's controller, its model and each application",
    "login": "the gateway, the login and the dashboard",
    "profiles": "profiles: namespaces of people, with rights, quota and access to pipelines",
    "pipelines": "Pipelines, by running some through the kfp SDK",
    "katib": "Katib, by experiments",
    "reboot": "reboots the guest and looks at everything again",
}

GUEST_ONLY = "machine"
"""The marker of tests that do not need Kubernetes."""

APPLICATIONS: Mapping[str, tuple[str, ...]] = {
    "login": ("istio-ingressgateway", "istio-pilot", "oidc-gatekeeper", "dex-auth", "kubeflow-dashboard"),
    "profiles": (
        *("kubeflow-profiles", "kfp-profile-controller", "admission-webhook"),
        "metacontroller-operator",
    ),
    "pipelines": (
        *("kfp-api", "kfp-persistence", "kfp-schedwf", "kfp-ui", "argo-controller", "minio"),
        *("kfp-profile-controller", "kfp-metadata-writer", "mlmd", "envoy"),
    ),
    "katib": ("katib-controller", "katib-db-manager", "katib-ui"),
}
"""The applications behind the tests of a marker: their logs belong to the evidence of a failure."""
