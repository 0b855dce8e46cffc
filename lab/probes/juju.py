"""Reads what Juju says of its controller, model and applications."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from lab.errors import JujuError, KubeflowError
from lab.probes.guest import NOT_INSTALLED, Facts
from lab.probes.model import Item, Layer, to_iso


def juju_layer(facts: Facts, controller: str, model: str, snap_problem: str | None) -> Layer:
    """Judge the client, the controller and the model."""
    own = Item("juju", snap_problem is None, None, snap_problem or "")
    answer = facts.get("juju")
    if controller not in _mapping(_load_yaml(facts.text("controllers")), "controllers"):
        controller_item = Item("controller", False, None, f"there is no controller named {controller}")
        return _layer(own, controller_item, Item("model", None, None, "there is no controller"))
    try:
        status = parse_status(answer.stdout if answer.ok else "")
    except JujuError as error:
        if answer.returncode == NOT_INSTALLED:
            reason = "the juju client is not installed"
        else:
            reason = error.message if answer.ok else answer.problem
        known = _models(facts, controller)
        if answer.ok or model in known or not known:
            return _layer(
                own,
                Item("controller", False, None, reason),
                Item("model", None, None, "the controller does not answer"),
            )
        # The client lists the models that it made: this one is not among them.
        return _layer(
            own,
            Item("controller", True, None, controller),
            Item("model", False, None, f"there is no model named {model}"),
        )
    return _layer(own, Item("controller", True, None, controller), _model_item(status))


def applications_layer(facts: Facts, expected: Iterable[str]) -> Layer:
    """Judge each application: the ones that the edition expects, then whatever else is deployed."""
    answer = facts.get("juju")
    try:
        status = parse_status(answer.stdout if answer.ok else "")
    except JujuError:
        unknown = tuple(Item(name, None, None, "Juju does not answer") for name in expected)
        own = Item("applications", None, None, "Juju does not answer")
        return Layer(own, KubeflowError.exit_code, unknown)
    items = applications(status, expected)
    required = [item for item in items if item.required]
    active = sum(1 for item in required if item.ready)
    count = f"{active}/{len(required)} active"
    waiting = [item.name for item in required if not item.ready]
    if waiting:
        shown = ", ".join(waiting[:3]) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else "")
        count = f"{count}, waiting for {shown}"
    return Layer(Item("applications", not waiting, None, count), KubeflowError.exit_code, items)


def parse_status(text: str) -> dict[str, Any]:
    """Return the mapping that ``juju status --format json`` prints.

    Raises:
        JujuError: It is not one.
    """
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise JujuError("'juju status' did not answer with a status", code="LAB-JUJU-101")
    return data


def applications(status: Mapping[str, Any], expected: Iterable[str]) -> tuple[Item, ...]:
    """Return an item for each expected application, then one for each other that is deployed."""
    deployed = _mapping(status, "applications")
    wanted = list(expected)
    items = [
        application(name, deployed[name])
        if name in deployed
        else Item(name, False, None, "it is not deployed")
        for name in wanted
    ]
    for name in sorted(set(deployed) - set(wanted)):
        found = application(name, deployed[name])
        items.append(Item(name, found.ready, found.since, found.reason, required=False))
    return tuple(items)


def application(name: str, data: Mapping[str, Any]) -> Item:
    """Judge one application: active itself, and every unit of it. Most keys may be missing."""
    if data.get("status-error"):
        return Item(name, False, None, str(data["status-error"]))
    status = _mapping(data, "application-status")
    current = str(status.get("current", "unknown"))
    since = to_iso(status.get("since"))
    if data.get("life") in ("dying", "dead"):
        return Item(name, False, since, f"it is being removed ({data['life']})")
    if current != "active":
        return Item(name, False, since, _say(status))
    for unit_name, unit in _mapping(data, "units").items():
        workload = _mapping(unit, "workload-status")
        if workload.get("current", "active") != "active":
            return Item(name, False, to_iso(workload.get("since")), f"unit {unit_name}: {_say(workload)}")
        agent = _mapping(unit, "juju-status")
        if agent.get("current") in ("error", "failed", "lost"):
            return Item(name, False, to_iso(agent.get("since")), f"agent of {unit_name}: {_say(agent)}")
    return Item(name, True, since, str(status.get("message", "")))


def _model_item(status: Mapping[str, Any]) -> Item:
    model = _mapping(status, "model")
    state = _mapping(model, "model-status")
    current = str(state.get("current", "unknown"))
    since = to_iso(state.get("since"))
    if model.get("status-error") or current != "available":
        return Item("model", False, since, str(model.get("status-error") or _say(state)))
    return Item("model", True, since, str(model.get("name", "")))


def _models(facts: Facts, controller: str) -> set[str]:
    """Return the short names of the models that the client has on record."""
    controllers = _mapping(_load_yaml(facts.text("models")), "controllers")
    return {str(name).rpartition("/")[2] for name in _mapping(_mapping(controllers, controller), "models")}


def _layer(own: Item, *items: Item) -> Layer:
    return Layer(own, JujuError.exit_code, items)


def _say(status: Mapping[str, Any]) -> str:
    current, message = str(status.get("current", "unknown")), str(status.get("message", ""))
    return f"{current}: {message}" if message else current


def _load_yaml(text: str) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
