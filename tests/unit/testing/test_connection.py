from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.config import Settings, load_settings
from lab.probes.status import Item, Layer, Status
from lab.testing import connection


@pytest.fixture
def lab(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})


def status(**ready: bool) -> Status:
    names = ("vm", "snapd", "microk8s", "juju", "applications")
    layers = tuple(
        Layer(
            Item(name, ready.get(name, True), None, "it is broken"),
            40,
            (Item("part", ready.get("part", True)),),
        )
        for name in names
    )
    return Status("kubeflow", "rehearsal", "", layers, datetime.now(UTC))


def check(
    monkeypatch: pytest.MonkeyPatch, lab: Settings, found: Status, *, kubernetes: bool = True
) -> Status:
    transport: Any = object()
    monkeypatch.setattr("lab.testing.connection.collect", lambda *_: found)
    return connection.check(lab, transport, kubernetes=kubernetes)


@pytest.mark.parametrize("broken", ["juju", "applications", "part"])
def test_a_failing_component_is_for_the_tests_to_find(
    monkeypatch: pytest.MonkeyPatch, lab: Settings, broken: str
) -> None:
    assert check(monkeypatch, lab, status(**{broken: False})).exit_code == 40


@pytest.mark.parametrize("broken", ["vm", "snapd", "microk8s"])
def test_a_lab_without_its_base_is_unusable(
    monkeypatch: pytest.MonkeyPatch, lab: Settings, broken: str
) -> None:
    with pytest.raises(connection.Unusable, match=f"cannot be tested: {broken}: it is broken") as caught:
        check(monkeypatch, lab, status(**{broken: False}))
    assert "python -m lab --name kubeflow status" in caught.value.hint


def test_the_guest_alone_needs_no_kubernetes(monkeypatch: pytest.MonkeyPatch, lab: Settings) -> None:
    check(monkeypatch, lab, status(microk8s=False), kubernetes=False)


def test_a_machine_that_was_never_made(lab: Settings) -> None:
    with pytest.raises(connection.Unusable, match="its VM is not created"):
        connection.connect(lab)
