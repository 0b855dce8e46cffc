"""clouds, add-k8s, update-k8s, remove-cloud."""

from __future__ import annotations

import json
import os
import sys
import time

from .context import Context, table
from .errors import JujuError, UsageError
from .flags import CONTROLLER_FLAG, NO_BROWSER_FLAG, Command, Flag, format_flag
from .kube import Kube, KubeError, read_kubeconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_REGION = "localhost"
_PROVISIONER = "microk8s.io/hostpath"
_NO_STORAGE = """No recommended storage configuration is defined on this cluster.
Run add-k8s again with --storage=<name> and Juju will use the
specified storage class.
"""
_CANNOT_QUERY = """Juju needs to query the k8s cluster to ensure that the recommended
storage defaults are available and to detect the cluster's cloud/region.
This was not possible in this case so run add-k8s again, using
--storage=<name> to specify the storage class to use and
--region=<cloudType>/<someregion> to specify the cloud/region.
"""


def selected(config: dict[str, Any], context: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """The cluster and user entries of a kubeconfig's current (or the named) context.

    Raises:
        ValueError: there is no such context, or it is incomplete.
    """

    def entry(kind: str, name: str) -> dict[str, Any]:
        for item in config.get(f"{kind}s") or []:
            if item["name"] == name:
                found: dict[str, Any] = item[kind]
                return found
        raise ValueError(f'{kind} "{name}" not found')

    name = context or config.get("current-context") or ""
    if not name:
        raise ValueError("no context in the kubernetes config")
    chosen = entry("context", name)
    return entry("cluster", chosen["cluster"]), entry("user", chosen["user"])


def _read_config(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    text: str | None = None
    if not sys.stdin.isatty():
        # To the end of the file: whoever leaves the pipe open waits here for ever, as with the real one.
        text = sys.stdin.read()
    path = os.environ.get("KUBECONFIG") or os.path.join(os.environ.get("HOME", "/root"), ".kube", "config")
    try:
        if not (text or "").strip() and not os.path.exists(path):
            raise ValueError(f"open {path}: no such file or directory")
        config = read_kubeconfig(text if (text or "").strip() else None, path)
        return selected(config, str(context.option("context-name")))
    except (ValueError, KubeError) as error:
        raise JujuError(f"processing kubernetes config for add-k8s: {error}") from None


def _decode(data: str) -> str:
    from binascii import a2b_base64

    return a2b_base64(data).decode() if data else ""


def _service_account(name: str, secret: str) -> list[dict[str, Any]]:
    meta = {"name": name, "namespace": "kube-system", "labels": {"juju-credential": "admin"}}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": secret,
                "namespace": "kube-system",
                "annotations": {"kubernetes.io/service-account.name": name},
            },
        },
    ]


def service_account_token(kube: Kube, namespace: str, secret: str, deadline: float) -> str:
    """Wait until the cluster has filled a service account's token secret."""
    path = f"/api/v1/namespaces/{namespace}/secrets/{secret}"
    while True:
        problem = ""
        try:
            token = (kube.get(path).get("data") or {}).get("token")
            if token:
                return _decode(token)
        except KubeError as error:
            problem = f": {error}"
        if time.monotonic() > deadline:
            raise JujuError(f'timed out waiting for the token of secret "{secret}"{problem}')
        time.sleep(0.5)


def _storage_class(kube: Kube, wanted: str) -> str:
    try:
        nodes = kube.get("/api/v1/nodes", timeout=30)["items"]
        classes = kube.get("/apis/storage.k8s.io/v1/storageclasses", timeout=30)["items"]
    except KubeError:
        raise JujuError(_CANNOT_QUERY) from None
    names = [item["metadata"]["name"] for item in classes]
    if wanted:
        if wanted not in names:
            raise JujuError(f'storage class "{wanted}" not found')
        return wanted
    if not any("microk8s.io/cluster" in (n["metadata"].get("labels") or {}) for n in nodes):
        raise JujuError(_CANNOT_QUERY)
    for item in classes:
        if item.get("provisioner") == _PROVISIONER:
            return str(item["metadata"]["name"])
    raise JujuError(_NO_STORAGE)


def _define(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the account in the cluster and describe the cloud and its credential."""
    cluster, user = _read_config(context)
    ca = _decode(cluster.get("certificate-authority-data", ""))
    kube = Kube(cluster["server"], ca, user, f"{context.store.directory}/cache")
    name = f"juju-credential-{os.urandom(4).hex()}"
    try:
        kube.create(_service_account(name, f"{name}-token"))
        token = service_account_token(kube, "kube-system", f"{name}-token", time.monotonic() + 60)
    except KubeError as error:
        raise JujuError(f"making juju admin credentials in cluster: {error}") from None
    storage = _storage_class(kube, str(context.option("storage")))
    cloud = {
        "type": "kubernetes",
        "host-cloud-region": f"microk8s/{_REGION}",
        "auth-types": ["oauth2", "clientcertificate", "userpass"],
        "endpoint": cluster["server"],
        "regions": {_REGION: {"endpoint": cluster["server"]}},
        "config": {"operator-storage": storage, "workload-storage": storage},
        "ca-certificates": [ca],
    }
    return cloud, {"auth-type": "oauth2", "Token": token, "rbac-id": name.rpartition("-")[2]}


def _need_client(context: Context) -> str:
    if not context.args:
        raise UsageError("missing k8s cloud name.")
    context.no_more_args(1)
    if not context.option("client"):
        # The real one would now ask at the terminal whether to add it to the client or a controller.
        raise JujuError("in this rehearsal a cloud is kept by the client only: use --client")
    return context.args[0]


def add_k8s(context: Context) -> int:
    """Register a Kubernetes cluster as a cloud."""
    name = _need_client(context)
    cloud, credential = _define(context)
    if name in context.store.clouds():
        raise JujuError(
            f"use `update-k8s {name} --client` to override known local definition: "
            f'k8s "{name}" already exists'
        )
    context.store.put_cloud(name, cloud, credential)
    sys.stdout.write(
        f'k8s substrate "microk8s/{_REGION}" added as cloud "{name}".\n'
        f"You can now bootstrap to this cloud by running 'juju bootstrap {name}'.\n"
    )
    return 0


def update_k8s(context: Context) -> int:
    """Replace a cloud's definition by what the cluster says now."""
    name = _need_client(context)
    context.store.cloud(name)
    context.store.put_cloud(name, *_define(context))
    context.info(f'k8s cloud "{name}" updated on this client.')
    return 0


def remove_cloud(context: Context) -> int:
    """Forget a cloud."""
    if not context.args:
        raise UsageError("Usage: juju remove-cloud <cloud name>")
    context.no_more_args(1)
    if not context.option("client"):
        raise JujuError("in this rehearsal a cloud is kept by the client only: use --client")
    name = context.args[0]
    if name not in context.store.clouds():
        context.info(f"No cloud called {name!r} exists on this client".replace("'", '"'))
        return 1
    context.store.remove_cloud(name)
    context.info(f'Removed details of cloud "{name}" from this client')
    return 0


def describe(known: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What ``clouds --format json`` shows: the built-in cloud and the personal ones."""
    result: dict[str, dict[str, Any]] = {
        "localhost": {
            "defined": "built-in",
            "type": "lxd",
            "description": "LXD Container Hypervisor",
            "auth-types": ["certificate"],
        }
    }
    for name, cloud in known.items():
        result[name] = {
            "defined": "local",
            "type": "k8s",
            "description": "A Kubernetes Cluster",
            "auth-types": cloud.get("auth-types", []),
            "endpoint": cloud.get("endpoint", ""),
            "regions": cloud.get("regions", {}),
            "config": cloud.get("config", {}),
            "ca-credentials": cloud.get("ca-certificates", []),
        }
    return result


def clouds(context: Context) -> int:
    """List clouds."""
    context.no_more_args(0)
    form = context.format("tabular", "json", "yaml")
    described = describe(context.store.clouds())
    if form == "json":
        sys.stdout.write(json.dumps(described) + "\n")
        return 0
    if form == "yaml":
        context.emit(described, form)
        return 0
    if not context.option("client") and not context.store.controllers()[0]:
        context.info("Only clouds registered with this client are shown.")
    rows = [["Cloud", "Regions", "Default", "Type", "Credentials", "Source", "Description"]]
    for name, cloud in sorted(described.items()):
        own = cloud["defined"] == "local"
        rows.append(
            [name, "1", _REGION, cloud["type"], "1" if own else "0", cloud["defined"], cloud["description"]]
        )
    sys.stdout.write("\nClouds available on the client:\n" + table(rows))
    return 0


_CLIENT = Flag("client", kind="bool", default=False, text="Client operation")
_K8S_FLAGS = (
    _CLIENT,
    CONTROLLER_FLAG,
    NO_BROWSER_FLAG,
    Flag("context-name", text="The k8s context to import"),
    Flag("storage", text="k8s storage class for workload storage"),
)

COMMANDS = (
    Command(
        "add-k8s",
        add_k8s,
        args="<k8s name>",
        purpose="Adds a k8s endpoint and credential to Juju.",
        doc="Reads a kubeconfig from stdin if that is no terminal, else from $KUBECONFIG or ~/.kube/config.",
        flags=_K8S_FLAGS,
    ),
    Command(
        "update-k8s",
        update_k8s,
        args="<k8s name>",
        purpose="Updates an existing k8s endpoint used by Juju.",
        flags=_K8S_FLAGS,
    ),
    Command(
        "remove-cloud",
        remove_cloud,
        args="<cloud name>",
        purpose="Removes a cloud from Juju.",
        flags=(_CLIENT, CONTROLLER_FLAG, NO_BROWSER_FLAG),
    ),
    Command(
        "clouds",
        clouds,
        purpose="Lists all clouds available to Juju.",
        flags=(
            _CLIENT,
            CONTROLLER_FLAG,
            NO_BROWSER_FLAG,
            Flag("all", kind="bool", default=False, text="Lists all available clouds"),
            Flag("o", "output", text="Specify an output file"),
            format_flag("tabular"),
        ),
        aliases=("list-clouds",),
    ),
)
