"""What PodDefaults make of a pod, as pure functions.

The rules are upstream's: kubeflow/kubeflow v1.8-branch, components/admission-webhook/main.go. What is there
already and the same stays as it is; what differs is a conflict, and then nothing is changed at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]

PREFIX = "poddefault.admission.kubeflow.org"
"""Of annotations: `/poddefault-NAME` tells which version of a PodDefault was applied."""

ISTIO_PROXY = "istio-proxy"
"""A container whose command and arguments are its own affair."""


class ConflictError(Exception):
    """PodDefaults contradict each other, or the pod.

    Args:
        messages: a sentence a conflict.
    """

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]")


def merged(pod: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]]) -> Object:
    """Return a pod with what PodDefaults add to it.

    Args:
        pod: the pod as it was asked for; it is not changed.
        defaults: the PodDefaults that select it, in the order in which they are applied.

    Raises:
        ConflictError: they cannot be applied together.
    """
    work = _Merge(defaults)
    metadata, spec = dict(pod["metadata"]), dict(pod["spec"])
    for field in ("annotations", "labels"):
        metadata[field] = work.texts(metadata.get(field), field)
    for field, what, key in (
        ("volumes", "volumes", "name"),
        ("tolerations", "tolerations", "key"),
        ("imagePullSecrets", "imagePullSecret", "name"),
    ):
        _put(spec, field, work.listed(spec.get(field), field, what, key))
    spec["containers"] = [work.container(item) for item in spec["containers"]]
    # The containers that are added bring what they need.
    for field, source in (("initContainers", "initContainers"), ("containers", "sidecars")):
        _put(spec, field, work.listed(spec.get(field), source, "containers", "name"))
    for field in ("automountServiceAccountToken", "serviceAccountName"):
        for default in defaults:
            if default["spec"].get(field) not in (None, ""):
                spec[field] = default["spec"][field]
    if work.conflicts:
        raise ConflictError(work.conflicts)
    for default in defaults:
        name, version = default["metadata"]["name"], default["metadata"]["resourceVersion"]
        metadata["annotations"][f"{PREFIX}/poddefault-{name}"] = version
    return {**pod, "metadata": metadata, "spec": spec}


class _Merge:
    """Merges field by field, and remembers the conflicts."""

    def __init__(self, defaults: Sequence[Mapping[str, Any]]) -> None:
        self._defaults = defaults
        self.conflicts: list[str] = []

    def container(self, container: Mapping[str, Any]) -> Object:
        """Return a container with what the PodDefaults add to it."""
        made = dict(container)
        _put(made, "env", self.listed(made.get("env"), "env", "env", "name"))
        _put(made, "envFrom", [*(made.get("envFrom") or ()), *self._given("envFrom")])
        mounts = self.listed(made.get("volumeMounts"), "volumeMounts", "volume mounts", "name")
        self._unique_paths(made.get("volumeMounts") or ())
        _put(made, "volumeMounts", mounts)
        if made["name"] != ISTIO_PROXY:
            for field in ("command", "args"):
                for default in self._defaults:
                    if not made.get(field) and default["spec"].get(field):
                        made[field] = default["spec"][field]
        return made

    def listed(self, own: Sequence[Object] | None, field: str, what: str, key: str) -> list[Object]:
        """Return a list with the entries that the PodDefaults have in a field, each of its key once."""
        made = list(own or ())
        found = {item.get(key, ""): item for item in made}
        for default in self._defaults:
            for item in default["spec"].get(field) or ():
                named = item.get(key, "")
                if named not in found:
                    found[named] = item
                    made.append(item)
                elif not _same(found[named], item):
                    self._conflict(default, what, named, item, found[named])
        return made

    def texts(self, own: Mapping[str, str] | None, field: str) -> dict[str, str]:
        """Return annotations or labels with those of the PodDefaults."""
        made = dict(own or {})
        for default in self._defaults:
            for key, value in (default["spec"].get(field) or {}).items():
                if made.setdefault(key, value) != value:
                    text = f"{json.dumps(value)}\ndoes not match\n{json.dumps(made[key])}\n in pod"
                    self.conflicts.append(f"merging has conflict on {key}: \n{text}")
        return made

    def _unique_paths(self, own: Iterable[Object]) -> None:
        found = {item["mountPath"]: item for item in own}
        for default in self._defaults:
            for item in default["spec"].get("volumeMounts") or ():
                there = found.setdefault(item["mountPath"], item)
                if not _same(there, item):
                    self._conflict(default, "volume mounts", f"mount path {item['mountPath']}", item, there)

    def _given(self, field: str) -> list[Object]:
        return [item for default in self._defaults for item in default["spec"].get(field) or ()]

    def _conflict(
        self, default: Mapping[str, Any], what: str, where: str, item: Object, there: Object
    ) -> None:
        text = f"{json.dumps(item)}\ndoes not match\n{json.dumps(there)}\n in container"
        self.conflicts.append(
            f"merging {what} for {default['metadata']['name']} has a conflict on {where}: \n{text}"
        )


def _put(target: Object, field: str, value: list[Object]) -> None:
    """Set a list; one that is empty is not mentioned."""
    if value:
        target[field] = value


def _same(one: Any, other: Any) -> bool:
    """Compare as upstream's types do: a field that is not there is the same as one that is empty or false."""
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item not in (None, "", False, [])}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
