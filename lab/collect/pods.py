"""What is wrong with the pods that are not ready."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from lab.collect.guest import KUBECTL, SECONDS
from lab.transport.base import Transport

MOST = 20
"""Pods that are described; beyond them it is the same trouble again."""


def not_ready(listing: str) -> list[tuple[str, str]]:
    """Return namespace and name of each pod that is neither ready nor done.

    Args:
        listing: What ``kubectl get pods -o json`` printed.

    Raises:
        ValueError: It is something else.
    """
    data = json.loads(listing)
    if not isinstance(data, dict):
        raise ValueError("kubectl did not answer with a list of pods")
    return [_name(pod) for pod in data.get("items") or () if not _is_well(pod)]


def commands(transport: Transport) -> Mapping[str, str]:
    """Ask which pods are not ready, and return what to ask of each.

    Raises:
        LabError: Kubernetes did not answer.
        ValueError: It answered something else than a list.
    """
    listing = transport.run(f"{KUBECTL} get pods --all-namespaces -o json", timeout=SECONDS).check()
    return dict(_commands(not_ready(listing.stdout)[:MOST]))


def _commands(pods: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for namespace, name in pods:
        pod = f"--namespace {shlex.quote(namespace)} {shlex.quote(name)}"
        logs = f"{KUBECTL} logs {pod} --all-containers --prefix --tail=500"
        yield f"pods/{namespace}/{name}/describe.txt", f"{KUBECTL} describe pod {pod}"
        yield f"pods/{namespace}/{name}/logs.txt", logs
        yield f"pods/{namespace}/{name}/logs-previous.txt", f"{logs} --previous"


def _name(pod: Mapping[str, Any]) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _is_well(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    conditions = status.get("conditions") or ()
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)
