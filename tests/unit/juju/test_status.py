"""The status as clients read it: jubilant, the table, the moments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jubilant
import pytest
from jubilant.statustypes import Status
from juju_client import cmd_status, status_format, timefmt
from juju_client.errors import UsageError

from .conftest import APPLICATIONS, Lab


def raw(lab: Lab, *patterns: str) -> dict[str, Any]:
    found = lab.keeper.full_status("kubeflow", list(patterns))
    found["model"]["controller"] = "uk8sx"
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


@pytest.fixture
def active(lab: Lab) -> Lab:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.run(60)
    return lab


def test_jubilant_reads_every_stage(lab: Lab) -> None:
    stages = []
    lab.keeper.add_model("kubeflow", {})
    stages.append(raw(lab))
    lab.keeper.deploy("kubeflow", "kubeflow", "", dry_run=False)
    stages.append(raw(lab))
    lab.run(1)
    lab.cluster.all_ready()
    for _ in range(15):
        lab.run(1)
        stages.append(raw(lab))
    parsed = [Status._from_dict(status_format.document(stage, iso=False)) for stage in stages]
    assert [len(status.apps) for status in parsed[:2]] == [0, APPLICATIONS]
    assert any(app.is_error for status in parsed for app in status.apps.values())
    last = parsed[-1]
    assert last.apps["oidc-gatekeeper"].is_blocked
    assert last.apps["minio"].is_active
    assert last.apps["minio"].units["minio/0"].is_active
    assert last.apps["minio"].units["minio/0"].leader
    assert last.apps["kfp-api"].relations["relational-db"][0].related_app == "kfp-db"
    assert last.model.type == "caas"
    assert jubilant.all_active(last, "minio", "kfp-db")
    assert not jubilant.all_active(last)


def test_jubilant_waits_on_the_command(active: Lab, tmp_path: Path) -> None:
    document = status_format.document(raw(active), iso=False)
    program = tmp_path / "juju"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(document)!r})\n")
    program.chmod(0o755)
    juju = jubilant.Juju(model="kubeflow", cli_binary=program)
    status = juju.wait(jubilant.all_active, delay=0.01, timeout=30)
    assert len(status.apps) == APPLICATIONS
    assert jubilant.all_agents_idle(status)


def test_moments_in_local_time_and_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert timefmt.since(1740351777, iso=False) == "24 Feb 2025 12:02:57+13:00"
        assert timefmt.timestamp(1740351777, iso=False) == "12:02:57+13:00"
        assert timefmt.since(1740351777, iso=True) == "2025-02-23 23:02:57Z"
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        assert timefmt.since(1740351777, iso=False) == "23 Feb 2025 23:02:57Z"
        monkeypatch.setenv("TZ", "America/St_Johns")
        time.tzset()
        assert timefmt.offset(1740351777) == "-03:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_utc_by_option_or_environment() -> None:
    assert cmd_status.wants_iso(True, None)
    assert cmd_status.wants_iso(False, "true")
    assert not cmd_status.wants_iso(False, "0")
    assert not cmd_status.wants_iso(False, None)
    with pytest.raises(UsageError, match="invalid JUJU_STATUS_ISO_TIME"):
        cmd_status.wants_iso(False, "maybe")


def test_the_tables(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.run(1)
    text = status_format.tabular(status_format.document(raw(lab, "minio", "kfp-db"), iso=True))
    lines = text.splitlines()
    assert lines[0].split() == ["Model", "Controller", "Cloud/Region", "Version", "SLA", "Timestamp"]
    assert lines[1].split()[:4] == ["kubeflow", "uk8sx", "my-k8s/localhost", "3.4.6"]
    assert " ".join(lines[3].split()) == (
        "App Version Status Scale Charm Channel Rev Address Exposed Message"
    )
    assert lines[4].split()[:2] == ["kfp-db", "maintenance"]
    assert lines[7].split() == ["Unit", "Workload", "Agent", "Address", "Ports", "Message"]
    assert lines[8].split()[:3] == ["kfp-db/0*", "maintenance", "executing"]
    assert lines[8].endswith("(install) Creating k8s resources")
    assert len(lines) == 10


def test_an_empty_model_has_one_table(lab: Lab) -> None:
    lab.keeper.add_model("kubeflow", {})
    assert len(status_format.tabular(status_format.document(raw(lab), iso=True)).splitlines()) == 2


def test_selectors(active: Lab) -> None:
    assert set(raw(active, "k*b-db")["applications"]) == {"katib-db"}
    assert set(raw(active, "minio/0")["applications"]) == {"minio"}
    assert len(raw(active, "active")["applications"]) == APPLICATIONS
    assert raw(active, "nosuch")["applications"] == {}


def test_units_on_a_line_each(active: Lab) -> None:
    text = status_format.oneline(status_format.document(raw(active, "minio"), iso=True))
    assert text == "\n- minio/0: 10.1.0.5 (agent:idle, workload:active)\n"
