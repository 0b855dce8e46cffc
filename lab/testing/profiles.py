"""Profiles: how the suite makes them, when they are ready, and what has to be gone with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.testing.kube import Kube, KubeError, Object
from lab.testing.waiting import Pending, wait_until

API = "kubeflow.org/v1"
PODDEFAULT_API = "kubeflow.org/v1alpha1"

READY_DEADLINE = 300.0
GONE_DEADLINE = 300.0

MANIFEST = "profile.yaml"
ACCOUNTS = ("default-editor", "default-viewer")
BINDINGS = ("namespaceAdmin", "default-editor", "default-viewer")
"""What the profile controller makes (kubeflow/kubeflow, components/profile-controller)."""

PIPELINES_SECRET = "mlpipeline-minio-artifact"  # noqa: S105 - the name of a Secret
PIPELINES_POD_DEFAULT = "access-ml-pipeline"
"""What pipelines need in a profile (canonical/kfp-operators, charms/kfp-profile-controller)."""

Wanted = tuple[str, str, str]
"""Version, kind and name of an object in a profile's namespace."""

BASICS: Sequence[Wanted] = (
    *(("v1", "ServiceAccount", name) for name in ACCOUNTS),
    *(("rbac.authorization.k8s.io/v1", "RoleBinding", name) for name in BINDINGS),
)
PIPELINES: Sequence[Wanted] = (
    ("v1", "Secret", PIPELINES_SECRET),
    (PODDEFAULT_API, "PodDefault", PIPELINES_POD_DEFAULT),
)


def wait_until_ready(kube: Kube, name: str, *, deadline: float = READY_DEADLINE) -> Object:
    """Wait until a profile's namespace is there with accounts and rights, and return the namespace.

    A Profile itself says only what failed, never that it is ready.

    Raises:
        WaitTimeout: Something was missing after the deadline, in seconds.
        WaitAborted: The Profile says that it failed.
    """

    def look() -> Object | Pending:
        namespace = kube.get("v1", "Namespace", name)
        if namespace is None or namespace["status"].get("phase") != "Active":
            return Pending("its namespace is not there")
        return missing(kube, name, BASICS) or namespace

    return wait_until(
        look,
        what=f"the profile {name}",
        deadline=deadline,
        guard=failed(kube, name),
        tolerate=(KubeError,),
    )


def wait_for_pipelines(kube: Kube, name: str, *, deadline: float = READY_DEADLINE) -> None:
    """Wait until what pipelines need is in a profile's namespace.

    Raises:
        WaitTimeout: Something was missing after the deadline, in seconds.
    """
    wait_until(
        lambda: missing(kube, name, PIPELINES) or True,
        what=f"access to pipelines in the profile {name}",
        deadline=deadline,
        guard=failed(kube, name),
        tolerate=(KubeError,),
    )


def missing(kube: Kube, namespace: str, wanted: Sequence[Wanted]) -> Pending | None:
    """Return what of the wanted objects is not there, ``None`` if all are."""
    absent = [
        f"{kind} {name}" for version, kind, name in wanted if not kube.get(version, kind, name, namespace)
    ]
    return Pending(f"it lacks {', '.join(absent)}") if absent else None


def failed(kube: Kube, name: str) -> Callable[[], str | None]:
    """Return a guard for waits: why a Profile failed, if it did."""

    def look() -> str | None:
        try:
            profile = kube.get(API, "Profile", name)
        except KubeError:
            return None
        return failure(profile) if profile else None

    return look


def failure(profile: Object) -> str | None:
    """Return the message of a Profile's condition ``Failed``, ``None`` if it has none."""
    for condition in (profile.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Failed" and condition.get("status", "True") == "True":
            return f"the Profile failed: {condition.get('message', 'it does not say why')}"
    return None


def wait_until_gone(kube: Kube, name: str, *, deadline: float = GONE_DEADLINE) -> None:
    """Wait until neither a Profile nor its namespace exists.

    Raises:
        WaitTimeout: One of them did after the deadline, in seconds.
    """

    def look() -> bool | Pending:
        left = remains(kube, [name])
        return Pending(", ".join(left)) if left else True

    wait_until(look, what=f"the end of the profile {name}", deadline=deadline, tolerate=(KubeError,))


def remains(kube: Kube, names: Sequence[str]) -> list[str]:
    """Return which Profiles and namespaces of these names exist.

    Raises:
        KubeError: The API server did not answer.
    """
    kinds = ((API, "Profile"), ("v1", "Namespace"))
    return [f"{kind} {name}" for version, kind in kinds for name in names if kube.get(version, kind, name)]
