"""The scripts are copied when the guest has not the same, and only then."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.plan import guest
from lab.plan.delivery import deliver

if TYPE_CHECKING:
    from tests.unit.plan.conftest import FakeGuest

ENV = "export LAB_MODEL='kubeflow'\n"


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
        "old": "provision/x",
    }
    return "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  .kubeflow-lab/{names[name]}\n"
        for name, text in files.items()
    )


def test_what_is_there_is_not_copied_again(guest: FakeGuest, scripts: Path) -> None:
    guest.sums = listed(env=ENV, snapd=". lib.sh\n", lib="true\n")
    deliver(guest, scripts, ENV)
    assert guest.copied == []
    assert guest.files == {}


@pytest.mark.parametrize(
    "there",
    [
        "",
        listed(lib="true\n", snapd=". lib.sh\n"),
        listed(lib="false\n", snapd=". lib.sh\n", env=ENV),
        listed(lib="true\n", snapd=". lib.sh\n", env="older"),
        listed(lib="true\n", snapd=". lib.sh\n", env=ENV, old="left from an older version"),
    ],
)
def test_anything_else_is(guest: FakeGuest, scripts: Path, there: str) -> None:
    guest.sums = there
    deliver(guest, scripts, ENV)
    assert guest.copied == [(scripts, ".kubeflow-lab/provision")]
    assert guest.files == {".kubeflow-lab/lab.env": ENV}


def test_the_guest_s_list_is_what_is_compared(scripts: Path, tmp_path: Path) -> None:
    from tests.unit.plan.conftest import FakeGuest

    home = tmp_path / ".kubeflow-lab"
    home.mkdir()
    scripts.rename(home / "provision")
    (home / "lab.env").write_text(ENV)
    fake = FakeGuest()
    fake.sums = subprocess.run(
        ["bash", "-c", guest.sums()], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=10
    ).stdout
    deliver(fake, home / "provision", ENV)
    assert fake.copied == []
