"""The scripts are copied when the guest has not the same, and only then."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.config import load_settings
from lab.network.discover import HostNetwork
from lab.plan import guest
from lab.plan.delivery import deliver
from lab.plan.login import log_in
from lab.report.events import Event, Notice
from lab.report.tasks import Tasks

if TYPE_CHECKING:
    from tests.unit.plan.conftest import FakeGuest

ENV = "export LAB_MODEL='kubeflow'\n"
SETTINGS = {guest.ENV_FILE: ENV, guest.CA_FILE: ""}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "provision"
    directory.mkdir()
    (directory / "lib.sh").write_text("true\n")
    (directory / "10-snapd.sh").write_text(". lib.sh\n")
    return directory


def listed(**files: str) -> str:
    names = {
        "lib": "provision/lib.sh",
        "snapd": "provision/10-snapd.sh",
        "env": "lab.env",
        "ca": "ca-certificates.pem",
        "old": "provision/x",
    }
    return "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  .kubeflow-lab/{names[name]}\n"
        for name, text in files.items()
    )


def test_what_is_there_is_not_copied_again(guest: FakeGuest, scripts: Path) -> None:
    guest.sums = listed(ca="", env=ENV, snapd=". lib.sh\n", lib="true\n")
    deliver(guest, scripts, SETTINGS)
    assert guest.copied == []
    assert guest.files == {}


@pytest.mark.parametrize(
    "there",
    [
        "",
        listed(lib="true\n", snapd=". lib.sh\n"),
        listed(lib="false\n", snapd=". lib.sh\n", env=ENV, ca=""),
        listed(lib="true\n", snapd=". lib.sh\n", env="older", ca=""),
        listed(lib="true\n", snapd=". lib.sh\n", env=ENV, ca="another's"),
        listed(lib="true\n", snapd=". lib.sh\n", env=ENV, ca="", old="left from an older version"),
    ],
)
def test_anything_else_is(guest: FakeGuest, scripts: Path, there: str) -> None:
    guest.sums = there
    deliver(guest, scripts, SETTINGS)
    assert guest.copied == [(scripts, ".kubeflow-lab/provision")]
    assert guest.files == {".kubeflow-lab/lab.env": ENV, ".kubeflow-lab/ca-certificates.pem": ""}


def test_the_guest_s_list_is_what_is_compared(scripts: Path, tmp_path: Path) -> None:
    from tests.unit.plan.conftest import FakeGuest

    home = tmp_path / ".kubeflow-lab"
    home.mkdir()
    scripts.rename(home / "provision")
    (home / "lab.env").write_text(ENV)
    (home / "ca-certificates.pem").touch()
    fake = FakeGuest()
    fake.sums = subprocess.run(
        ["bash", "-c", guest.sums()], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=10
    ).stdout
    deliver(fake, home / "provision", SETTINGS)
    assert fake.copied == []


def test_what_the_host_uses_reaches_the_guest(
    guest: FakeGuest, tmp_path: Path, host_network: list[HostNetwork]
) -> None:
    host_network.append(
        HostNetwork(proxy_http="http://me:secret@localhost:3128", certificates=("ours",), origins={})
    )
    events: list[Event] = []
    tasks = Tasks(events.append, title="up", banner="", total=1, again="again")
    settings = load_settings(tmp_path, overrides={"edition": "kubeflow-1.8"}, environ={})
    log_in(tasks, lambda: guest, settings)
    assert "export LAB_PROXY_HTTP='http://me:secret@10.0.2.2:3128'\n" in guest.files[".kubeflow-lab/lab.env"]
    assert guest.files[".kubeflow-lab/ca-certificates.pem"] == "ours"
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "The guest uses proxy_http http://***@localhost:3128, from the host; in the guest http://***@10.0.2.2:3128.",
        "The guest trusts 1 certificate authorities of the host.",
    ]
    # An edition with a bundle needs nothing from outside.
    log_in(tasks, lambda: guest, load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={}))
    assert "LAB_PROXY" not in guest.files[".kubeflow-lab/lab.env"]
    assert guest.files[".kubeflow-lab/ca-certificates.pem"] == ""
