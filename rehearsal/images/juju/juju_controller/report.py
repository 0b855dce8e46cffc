"""The status document: the structure the client prints, with moments in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .charmhub import CharmHub
from .lifecycle import Pod
from .state import Application, Model, Status

VERSION = "3.4.6"
REGION = "localhost"


@dataclass(frozen=True)
class Place:
    """Where a controller lives."""

    cloud: str
    base_name: str = "ubuntu"
    base_channel: str = "20.04"


def _status(status: Status, *, agent: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {"current": status.current}
    if status.message:
        shown["message"] = status.message
    shown["since"] = status.since
    if agent and status.current not in ("allocating", "lost"):
        shown["version"] = VERSION
    return shown


def _relations(name: str, relations: Sequence[tuple[str, str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for provider, requirer, interface in relations:
        for mine, other in ((provider, requirer), (requirer, provider)):
            application, _, endpoint = mine.partition(":")
            if application == name:
                entry = {
                    "related-application": other.partition(":")[0],
                    "interface": interface,
                    "scope": "global",
                }
                found.setdefault(endpoint, []).append(entry)
    return found


def _unit(application: Application, pods: tuple[Pod, ...]) -> dict[str, Any]:
    unit: dict[str, Any] = {
        "workload-status": _status(application.workload),
        "juju-status": _status(application.agent, agent=True),
        "leader": True,
    }
    if pods:
        # While one pod replaces another there are two for a moment: the ready one counts.
        pod = max(pods, key=lambda item: item.ready)
        unit |= {"address": pod.address, "provider-id": pod.name}
    return unit


def _application(
    application: Application, model: Model, hub: CharmHub, pods: tuple[Pod, ...], place: Place
) -> dict[str, Any]:
    charm = hub.charm(application.name)
    shown: dict[str, Any] = {
        "charm": charm.charm,
        "base": {"name": place.base_name, "channel": place.base_channel},
        "charm-origin": "charmhub",
        "charm-name": charm.charm,
        "charm-rev": application.revision,
        "charm-channel": application.channel,
        "scale": 1,
        "provider-id": f"{model.uuid[:8]}-{application.name}",
        "address": application.address,
        "exposed": False,
        "application-status": _status(application.application),
        "units": {f"{application.name}/0": _unit(application, pods)},
    }
    if model.life != "alive":
        shown["life"] = model.life
    relations = _relations(application.name, model.relations)
    if relations:
        shown["relations"] = relations
    return shown


def matches(patterns: Sequence[str], name: str, application: Application) -> bool:
    """Whether a selector of the command line names an application, its unit or its status."""
    for pattern in patterns:
        wanted = pattern.partition("/")[0]
        if fnmatchcase(name, wanted) or pattern == application.application.current:
            return True
    return not patterns


def full_status(
    model: Model,
    hub: CharmHub,
    pods: Mapping[str, tuple[Pod, ...]],
    place: Place,
    now: float,
    patterns: Sequence[str] = (),
) -> dict[str, Any]:
    """The whole document."""
    current = "available" if model.life == "alive" else "destroying"
    return {
        "model": {
            "name": model.name,
            "type": "caas",
            "controller": "",
            "cloud": place.cloud,
            "region": REGION,
            "version": VERSION,
            "model-status": {"current": current, "since": model.since},
            "sla": "unsupported",
        },
        "machines": {},
        "applications": {
            name: _application(application, model, hub, pods.get(name, ()), place)
            for name, application in sorted(model.applications.items())
            if matches(patterns, name, application)
        },
        "storage": {},
        "now": now,
    }
