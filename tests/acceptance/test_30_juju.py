"""Juju: the client, the controller, the model, and each application that the edition expects."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lab.probes import juju as probe

pytestmark = pytest.mark.juju


def test_version(host: Any, settings: Any) -> None:
    text = host.check_output("/snap/bin/juju version")
    assert _numbers(text) >= _numbers(settings.provision_env["LAB_JUJU_MINIMUM"])


def test_controller(host: Any, settings: Any) -> None:
    data = json.loads(host.check_output("/snap/bin/juju controllers --format json"))
    controller = settings.provision_env["LAB_CONTROLLER"]
    assert data["current-controller"] == controller
    assert data["controllers"][controller]["cloud"] == settings.provision_env["LAB_CLOUD"]


def test_model(juju: dict[str, Any], settings: Any) -> None:
    model = juju["model"]
    assert model["name"] == settings.provision_env["LAB_MODEL"]
    assert model["controller"] == settings.provision_env["LAB_CONTROLLER"]
    assert model["model-status"]["current"] == "available"


def test_application(juju: dict[str, Any], application: str) -> None:
    item = probe.applications(juju, [application])[0]
    assert item.ready, item.reason


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version such as 3.4.6-genericlinux-amd64."""
    found = re.match(r"\d+(\.\d+)*", version)
    assert found, f"no version: {version}"
    return tuple(int(part) for part in found.group().split("."))
