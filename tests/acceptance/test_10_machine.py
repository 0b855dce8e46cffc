"""The Debian guest below everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.network.certificates import certificates

pytestmark = pytest.mark.machine


@pytest.fixture
def facts(host: Any, look_at_machine: Callable[[Any], Any]) -> Any:
    return look_at_machine(host)


def test_guest(facts: Any, settings: Any) -> None:
    assert facts.debian == settings.edition.expect.debian
    assert facts.snapd_active
    assert facts.seeded


def test_user_needs_no_sudo_for_microk8s(facts: Any) -> None:
    assert "microk8s" in facts.groups


def test_kernel_limits(facts: Any) -> None:
    assert facts.max_user_instances >= 1280
    assert facts.max_user_watches >= 655360


def test_snap(host: Any, settings: Any, snap: str) -> None:
    expected = settings.edition.expect.snaps[snap]
    table = host.check_output("/usr/bin/snap list --color=never --unicode=never %s", snap)
    _, version, _, tracking, _, notes = table.splitlines()[1].split()
    if expected.version_prefix is not None:
        assert version.startswith(expected.version_prefix)
    if expected.tracking is not None:
        assert tracking == expected.tracking
    assert not {"disabled", "broken"} & set(notes.split(","))


def test_authorities_of_the_settings_are_trusted(host: Any) -> None:
    told = certificates(host.run("cat ~/.kubeflow-lab/ca-certificates.pem").stdout)
    trusted = certificates(host.file("/etc/ssl/certs/ca-certificates.crt").content_string)
    assert trusted
    assert set(told) <= set(trusted)
