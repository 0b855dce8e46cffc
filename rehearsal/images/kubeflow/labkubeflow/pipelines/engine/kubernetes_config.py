"""The Kubernetes part of a platform spec: what a step's pod gets beside the pipeline's own settings.

The form is that of kubeflow/pipelines, kubernetes_platform/proto/kubernetes_executor_config.proto, in JSON.
Supported are those settings that need nothing but the pod itself; others are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkubeflow.pipelines.model import InvalidPipeline

JsonObject = dict[str, Any]


@dataclass
class KubernetesConfig:
    """Additions to a step's pod.

    Attributes:
        env: variables of the container.
        volumes: of the pod.
        mounts: of the container.
        node_selector: labels that the node must have.
        labels: further ones of the pod.
        annotations: further ones of the pod.
        image_pull_policy: of the container; empty for the default.
    """

    env: list[JsonObject] = field(default_factory=list)
    volumes: list[JsonObject] = field(default_factory=list)
    mounts: list[JsonObject] = field(default_factory=list)
    node_selector: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    image_pull_policy: str = ""


def read(platform: Any, executors: Collection[str]) -> dict[str, KubernetesConfig]:
    """Return the settings by label of the executor.

    Raises:
        InvalidPipeline: something is unknown or not supported.
    """
    if not platform:
        return {}
    platforms = _only(platform, "platform_spec", "platforms")
    kubernetes = _only(platforms, "platforms", "kubernetes")
    deployment = _only(kubernetes, "kubernetes", "deploymentSpec")
    found = {}
    for label, settings in _only(deployment, "deploymentSpec", "executors").items():
        if label not in executors:
            raise InvalidPipeline(f"the platform spec has settings for {label!r}, which is no executor")
        found[label] = _config(label, _mapping(settings, label))
    return found


def _config(label: str, settings: Mapping[str, Any]) -> KubernetesConfig:
    config = KubernetesConfig()
    for name, value in settings.items():
        if name not in _READERS:
            known = ", ".join(sorted(_READERS))
            raise InvalidPipeline(
                f"platform spec: {label}: {name!r} is not supported in this lab; supported are {known}"
            )
        try:
            _READERS[name](config, value)
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidPipeline(f"platform spec: {label}: {name}: {error}") from error
    return config


def _secret_as_env(config: KubernetesConfig, items: Any) -> None:
    for item in items:
        for pair in item["keyToEnv"]:
            reference = {"name": item["secretName"], "key": pair["secretKey"]}
            config.env.append({"name": pair["envVar"], "valueFrom": {"secretKeyRef": reference}})


def _config_map_as_env(config: KubernetesConfig, items: Any) -> None:
    for item in items:
        for pair in item["keyToEnv"]:
            reference = {"name": item["configMapName"], "key": pair["configMapKey"]}
            config.env.append({"name": pair["envVar"], "valueFrom": {"configMapKeyRef": reference}})


def _secret_as_volume(config: KubernetesConfig, items: Any) -> None:
    for item in items:
        source = {"secretName": item["secretName"], "optional": bool(item.get("optional", False))}
        _volume(config, item["mountPath"], {"secret": source})


def _config_map_as_volume(config: KubernetesConfig, items: Any) -> None:
    for item in items:
        source = {"name": item["configMapName"], "optional": bool(item.get("optional", False))}
        _volume(config, item["mountPath"], {"configMap": source})


def _pvc_mount(config: KubernetesConfig, items: Any) -> None:
    for item in items:
        if "constant" not in item:
            raise InvalidPipeline(
                "platform spec: pvcMount: only claims with a constant name are supported in this lab"
            )
        _volume(config, item["mountPath"], {"persistentVolumeClaim": {"claimName": item["constant"]}})


def _volume(config: KubernetesConfig, path: str, source: JsonObject) -> None:
    name = f"user-{len(config.volumes)}"
    config.volumes.append({"name": name, **source})
    config.mounts.append({"name": name, "mountPath": path})


def _node_selector(config: KubernetesConfig, value: Any) -> None:
    config.node_selector.update(_only(value, "nodeSelector", "labels"))


def _pod_metadata(config: KubernetesConfig, value: Any) -> None:
    config.labels.update(value.get("labels", {}))
    config.annotations.update(value.get("annotations", {}))


def _image_pull_policy(config: KubernetesConfig, value: Any) -> None:
    config.image_pull_policy = str(value)


_READERS: Mapping[str, Callable[[KubernetesConfig, Any], None]] = {
    "secretAsEnv": _secret_as_env,
    "secretAsVolume": _secret_as_volume,
    "configMapAsEnv": _config_map_as_env,
    "configMapAsVolume": _config_map_as_volume,
    "pvcMount": _pvc_mount,
    "nodeSelector": _node_selector,
    "podMetadata": _pod_metadata,
    "imagePullPolicy": _image_pull_policy,
}


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidPipeline(f"platform spec: {what} must be a mapping")
    return value


def _only(value: Any, what: str, key: str) -> Mapping[str, Any]:
    """Return a mapping's one entry."""
    for name in _mapping(value, what):
        if name != key:
            raise InvalidPipeline(f"platform spec: {what}: {name!r} is not supported in this lab")
    return _mapping(value.get(key, {}), key)
