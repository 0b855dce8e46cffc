"""All of it again after a reboot of the guest. It comes late, since it takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.testing import guest
from lab.testing.manifests import RUN_LABEL

pytestmark = [pytest.mark.reboot, pytest.mark.timeout(2400)]

SSH_DEADLINE = 600.0
READY_DEADLINE = 1500.0


def test_everything_comes_back(
    run: Any, host: Any, settings: Any, look_at_machine: Callable[[Any], Any], namespace: str
) -> None:
    note = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "note", "namespace": namespace, "labels": {RUN_LABEL: run.id}},
        "data": {"text": "written before the reboot"},
    }
    run.kube.create(note)
    before = look_at_machine(host)

    guest.reboot(run.transport, deadline=SSH_DEADLINE)
    run.reconnect()

    # MicroK8s with its addons, Juju's controller and model, and every application.
    guest.wait_ready(run.transport, settings, deadline=READY_DEADLINE)
    assert look_at_machine(host) == before
    kept = run.kube.get("v1", "ConfigMap", "note", namespace)
    assert kept is not None
    assert kept["data"] == note["data"]
