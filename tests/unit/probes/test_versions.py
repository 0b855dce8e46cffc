"""What the guest says of its versions, in the words of the real programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.config import Settings
from lab.errors import VMError
from lab.probes.versions import read_versions
from tests.unit.probes.conftest import Guest
from tests.unit.probes.test_guest_script import Here, program

__all__ = ["program"]

SNAPS = """\
Name      Version   Rev    Tracking       Publisher   Notes
core20    20240416  2318   latest/stable  canonical✓  base
juju      3.4.3     x1     -              -           classic
microk8s  v1.29.4   6809   1.29/stable    canonical✓  classic
"""
STATUS = json.dumps(
    {
        "model": {"name": "kubeflow", "type": "caas", "controller": "uk8sx", "version": "3.4.3"},
        "machines": {},
        "applications": {
            "dex-auth": {
                "charm": "dex-auth",
                "charm-origin": "charmhub",
                "charm-name": "dex-auth",
                "charm-rev": 422,
                "charm-channel": "2.36/stable",
                "exposed": False,
            },
            "broken": {"status-error": "gone"},
        },
    }
)
IMAGES = """\
docker.io/library/mysql:8.0\tdocker.io/library/mysql@sha256:bb
docker.io/library/mysql:8.0\tdocker-pullable://docker.io/library/mysql@sha256:aa
lab/shell:1\tsha256:cc
not/started:1\t
"""


def test_all_is_there(make_guest: Callable[..., Guest], settings: Settings) -> None:
    guest = make_guest(
        {
            "os": (0, 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', ""),
            "debian": (0, "12.8\n", ""),
            "kernel": (0, "6.1.0-28-amd64\n", ""),
            "snaps": (0, SNAPS, ""),
            "kubernetes": (0, '{"clientVersion": {}, "serverVersion": {"gitVersion": "v1.29.4"}}', ""),
            "runtime": (0, "containerd://1.6.28", ""),
            "images": (0, IMAGES, ""),
            "controllers": (0, '{"controllers": {"uk8sx": {"agent-version": "3.4.3"}}}', ""),
            "model": (0, STATUS, ""),
        }
    )
    transport: Any = guest
    assert read_versions(transport, settings) == {
        "edition": "rehearsal",
        "guest": {"os": "Debian GNU/Linux 12 (bookworm)", "debian": "12.8", "kernel": "6.1.0-28-amd64"},
        "snaps": {
            "core20": {"version": "20240416", "revision": "2318", "channel": "latest/stable"},
            "juju": {"version": "3.4.3", "revision": "x1", "channel": None},
            "microk8s": {"version": "v1.29.4", "revision": "6809", "channel": "1.29/stable"},
        },
        "kubernetes": {"version": "v1.29.4", "runtime": "containerd://1.6.28"},
        "juju": {"controller": "3.4.3", "model": "3.4.3"},
        "applications": {
            "dex-auth": {"charm": "dex-auth", "channel": "2.36/stable", "revision": 422},
            "broken": {"charm": None, "channel": None, "revision": None},
        },
        "images": {
            "docker.io/library/mysql:8.0": [
                "docker.io/library/mysql@sha256:aa",
                "docker.io/library/mysql@sha256:bb",
            ],
            "lab/shell:1": ["sha256:cc"],
        },
    }
    assert len(guest.scripts) == 1


def test_half_a_lab(make_guest: Callable[..., Guest], settings: Settings) -> None:
    transport: Any = make_guest(
        {
            "kernel": (0, "6.1\n", ""),
            "kubernetes": (1, "", ""),
            "model": (0, "not JSON", ""),
            "controllers": (0, '{"controllers": null}', ""),
        }
    )
    versions = read_versions(transport, settings)
    assert versions["guest"] == {"os": None, "debian": None, "kernel": "6.1"}
    assert versions["kubernetes"] == {"version": None, "runtime": None}
    assert versions["juju"] == {"controller": None, "model": None}
    assert versions["snaps"] == versions["applications"] == versions["images"] == {}


def test_a_guest_that_says_nothing(make_guest: Callable[..., Guest], settings: Settings) -> None:
    transport: Any = make_guest({})
    with pytest.raises(VMError) as caught:
        read_versions(transport, settings)
    assert caught.value.code == "LAB-VM-301"


def test_the_script(tmp_path: Path, program: Callable[[str, str], None], settings: Settings) -> None:
    program("snap", f"cat <<'END'\n{SNAPS}END\n")
    program("juju", f"if [ $1 = status ]; then echo '{STATUS}'; else exit 1; fi")
    program(
        "microk8s",
        """case "$2" in version) echo '{"serverVersion": {"gitVersion": "v1.29.4"}}' ;; *) exit 1 ;; esac""",
    )
    transport: Any = Here(tmp_path)
    versions = read_versions(transport, settings)
    assert versions["snaps"]["microk8s"]["revision"] == "6809"
    assert versions["kubernetes"] == {"version": "v1.29.4", "runtime": None}
    assert versions["juju"] == {"controller": None, "model": "3.4.3"}
    assert versions["applications"]["dex-auth"]["revision"] == 422
    assert versions["guest"]["kernel"]
