"""bootstrap: put a controller into a cluster and wait until it answers."""

from __future__ import annotations

import os
import sys
import time

from . import VERSION
from .api import API_PORT, Api
from .cmd_clouds import service_account_token
from .cmd_modelconfig import PROXY_KEYS, read_model_config
from .context import Context, fresh_uuid
from .errors import JujuError, UsageError
from .flags import Command, Flag
from .kube import Kube, KubeError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_IMAGE = "lab/juju:1"
_SERVICE = "controller-service"
_PROXY = "controller-proxy"
_POLL_SECONDS = 2.0
# What the documented sequence and its cures may set; the real client knows some sixty of them.
_CONFIG_KEYS = frozenset(
    {
        "bootstrap-timeout",
        "caas-image-repo",
        "controller-service-type",
        "agent-version",
        "automatically-retry-hooks",
        "logging-config",
        "update-status-hook-interval",
        *PROXY_KEYS,
    }
)


def read_config(words: list[str]) -> dict[str, str]:
    """Check ``--config key=value`` and ``--config file`` options.

    Raises:
        UsageError: malformed, or a key that is not known here.
        JujuError: a file cannot be read.
    """
    config = read_model_config(words)
    for key in config:
        if key not in _CONFIG_KEYS:
            raise UsageError(f'config key "{key}" is not known to this rehearsal')
    if not config.get("bootstrap-timeout", "1200").isdigit():
        raise UsageError(f'bootstrap-timeout: expected number, got string("{config["bootstrap-timeout"]}")')
    return config


def namespace_object(namespace: str, model_uuid: str, controller_uuid: str) -> dict[str, Any]:
    """The namespace of a controller, labelled as the real one's."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "juju",
                "model.juju.is/name": "controller",
            },
            "annotations": {"controller.juju.is/id": controller_uuid, "model.juju.is/id": model_uuid},
        },
    }


def controller_objects(
    namespace: str, name: str, uuid: str, model_uuid: str, password: str, cloud: str, storage: str
) -> list[dict[str, Any]]:
    """Everything a controller consists of inside its namespace, and its rights in the cluster."""
    rbac = "rbac.authorization.k8s.io"
    labels = {"app.kubernetes.io/name": "controller", "app.kubernetes.io/managed-by": "juju"}

    def meta(of: str) -> dict[str, Any]:
        return {"name": of, "namespace": namespace, "labels": labels}

    container = {
        "name": "api-server",
        "image": _IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "workingDir": "/opt/lab",
        "command": ["python3", "-m", "juju_controller"],
        "env": [
            {"name": "CONTROLLER_NAME", "value": name},
            {"name": "CONTROLLER_NAMESPACE", "value": namespace},
            {"name": "CONTROLLER_UUID", "value": uuid},
            {"name": "CONTROLLER_MODEL_UUID", "value": model_uuid},
            {"name": "CONTROLLER_CLOUD", "value": cloud},
            {"name": "CONTROLLER_DATA", "value": "/var/lib/juju"},
            {
                "name": "CONTROLLER_PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": "controller-secret", "key": "password"}},
            },
        ],
        "ports": [{"name": "api", "containerPort": API_PORT}],
        "readinessProbe": {"tcpSocket": {"port": API_PORT}, "periodSeconds": 2, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "storage", "mountPath": "/var/lib/juju"}],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("controller")},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(_PROXY)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace, "labels": labels},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "controller", "namespace": namespace}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": meta(_PROXY),
            "rules": [{"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["create", "get"]}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta(_PROXY),
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": _PROXY},
            "subjects": [{"kind": "ServiceAccount", "name": _PROXY, "namespace": namespace}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {
                **meta(_PROXY),
                "annotations": {"kubernetes.io/service-account.name": _PROXY},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": meta("controller-secret"),
            "stringData": {"password": password},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta(_SERVICE),
            "spec": {
                "selector": {"app.kubernetes.io/name": "controller"},
                "ports": [{"name": "api-server", "port": API_PORT, "targetPort": API_PORT}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": meta("controller"),
            "spec": {
                "replicas": 1,
                "serviceName": _SERVICE,
                "selector": {"matchLabels": {"app.kubernetes.io/name": "controller"}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": "controller",
                        "terminationGracePeriodSeconds": 5,
                        "containers": [container],
                    },
                },
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "storage", "labels": labels},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "storageClassName": storage,
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ],
            },
        },
    ]


def pod_problem(pod: dict[str, Any] | None) -> str:
    """Why a pod is not ready yet; empty when it is."""
    if pod is None:
        return "pending: - "
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return ""
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return f"unschedulable: {condition.get('message', '')}"
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return f"pending: {waiting.get('reason', '')} - {waiting.get('message', '')}"
    return "pending: - "


def _scheduled(pod: dict[str, Any] | None) -> bool:
    return pod is not None and bool((pod.get("spec") or {}).get("nodeName"))


def _started(pod: dict[str, Any] | None) -> bool:
    return pod is not None and (pod.get("status") or {}).get("phase") == "Running"


def _wait_for_pod(context: Context, kube: Kube, namespace: str, deadline: float) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods/controller-0"
    told = 0
    while True:
        pod: dict[str, Any] | None = None
        try:
            pod = kube.get(path)
            problem = pod_problem(pod)
        except NotFoundError:
            problem = pod_problem(None)
        except KubeError as error:
            # A busy or restarting API server is no reason to give up before the deadline.
            problem = str(error)
        if told == 0 and _scheduled(pod):
            context.info("Starting controller pod")
            told = 1
        if told == 1 and _started(pod):
            context.info("Bootstrap agent now started")
            told = 2
        if not problem:
            return
        if time.monotonic() > deadline:
            raise JujuError(f"timed out waiting for controller pod: {problem}")
        time.sleep(_POLL_SECONDS)


def _wait_for_api(api: Api, deadline: float) -> None:
    while True:
        try:
            api.call("Ping", timeout=10)
            return
        except JujuError as error:
            if time.monotonic() > deadline:
                raise JujuError(f"unable to contact api server: {error}") from None
        time.sleep(_POLL_SECONDS)


def bootstrap(context: Context) -> int:
    """Create a controller."""
    if not context.args:
        raise UsageError("cloud name must be given")
    context.no_more_args(2)
    config = read_config(context.option("config"))
    cloud_name = context.args[0].partition("/")[0]
    name = context.args[1] if len(context.args) > 1 else f"{cloud_name}-localhost"
    store = context.store
    if cloud_name not in store.clouds():
        raise JujuError(f'unknown cloud "{cloud_name}", please try "juju update-public-clouds"')
    cloud, credential = store.cloud(cloud_name), store.credential(cloud_name)
    if name in store.controllers()[0]:
        raise JujuError(f'controller "{name}" already exists')
    region = next(iter(cloud["regions"]))
    context.info(f'Creating Juju controller "{name}" on {cloud_name}/{region}')
    context.info(f"Bootstrap to Kubernetes cluster identified as {cloud['host-cloud-region']}")
    ca = "".join(cloud["ca-certificates"])
    kube = Kube(cloud["endpoint"], ca, {"token": credential["Token"]}, f"{store.directory}/cache")
    namespace = f"controller-{name}"
    deadline = time.monotonic() + int(config.get("bootstrap-timeout", "1200"))
    uuid, model_uuid, password = fresh_uuid(), fresh_uuid(), os.urandom(16).hex()
    try:
        kube.create([namespace_object(namespace, model_uuid, uuid)])
    except KubeError as error:
        if "(AlreadyExists)" in str(error) or "already exists" in str(error):
            raise JujuError(
                f'a controller called "{name}" already exists on this k8s cluster.\n'
                "Please bootstrap again and choose a different controller name."
            ) from None
        raise JujuError(f"failed to bootstrap model: {error}") from None
    try:
        context.info(f'Creating k8s resources for controller "{namespace}"')
        storage = cloud["config"]["operator-storage"]
        kube.create(controller_objects(namespace, name, uuid, model_uuid, password, cloud_name, storage))
        context.info("Downloading images")
        _wait_for_pod(context, kube, namespace, deadline)
        token = service_account_token(kube, namespace, _PROXY, deadline)
        service = kube.get(f"/api/v1/namespaces/{namespace}/services/{_SERVICE}")
        address = service["spec"]["clusterIP"]
        details = {
            "uuid": uuid,
            "api-endpoints": [f"{address}:{API_PORT}"],
            "ca-cert": ca,
            "cloud": cloud_name,
            "region": region,
            "type": "kubernetes",
            "agent-version": VERSION,
            "controller-machine-count": 0,
            "active-controller-machine-count": 0,
            "proxy": {
                "type": "kubernetes-port-forward",
                "config": {
                    "api-host": cloud["endpoint"],
                    "ca-cert": ca,
                    "namespace": namespace,
                    "remote-port": str(API_PORT),
                    "service": _SERVICE,
                    "service-account-token": token,
                },
            },
        }
        account = {
            "type": "userpass",
            "user": "admin",
            "password": password,
            "last-known-access": "superuser",
        }
        context.info(f"Contacting Juju controller at {address} to verify accessibility...")
        api = Api(name, details, account, f"{store.directory}/cache")
        _wait_for_api(api, deadline)
        if proxies := {key: value for key, value in config.items() if key in PROXY_KEYS}:
            api.call("ModelConfigSet", model="controller", settings=proxies)
    except (JujuError, KeyboardInterrupt) as error:
        if not context.option("keep-broken"):
            remove_controller_objects(kube, namespace)
        if isinstance(error, JujuError):
            raise JujuError(f"failed to bootstrap model: {error}") from None
        raise
    store.put_controller(name, details, account)
    store.set_models(name, {"admin/controller": {"uuid": model_uuid, "type": "caas"}}, "admin/controller")
    sys.stderr.write(
        f'\nBootstrap complete, controller "{name}" is now available in namespace "{namespace}"\n\n'
        "Now you can run\n\tjuju add-model <model-name>\nto create a new model to deploy k8s workloads.\n"
    )
    return 0


def remove_controller_objects(kube: Kube, namespace: str) -> None:
    """Take away a controller's namespace and its rights."""
    kube.delete(f"/api/v1/namespaces/{namespace}")
    kube.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{namespace}")


COMMANDS = (
    Command(
        "bootstrap",
        bootstrap,
        args="[<cloud name>[/region] [<controller name>]]",
        purpose="Initializes a cloud environment.",
        doc="Puts a controller into the namespace controller-<name> of a cluster added by add-k8s.",
        flags=(
            Flag(
                "config",
                kind="list",
                text="A file with controller and model options, or one option, key=value",
            ),
            Flag(
                "keep-broken",
                kind="bool",
                default=False,
                text="Do not destroy the objects of a failed attempt",
            ),
            Flag("B", "no-browser-login", kind="bool", default=False, text="Do not use web browser"),
        ),
    ),
)
