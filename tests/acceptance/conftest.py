"""The acceptance suite: what the lab has to do, tried on a lab that is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

pytest_plugins = ["lab.testing.plugin", "lab.testing.kubeflow", "lab.testing.pipelines_fixtures"]


@dataclass(frozen=True)
class MachineFacts:
    """What has to be the same after a reboot."""

    debian: str
    snapd_active: bool
    seeded: bool
    groups: frozenset[str]
    max_user_instances: int
    max_user_watches: int


@pytest.fixture
def look_at_machine() -> Callable[[Any], MachineFacts]:
    """Return a function that looks at the guest through testinfra."""

    def look(host: Any) -> MachineFacts:
        release = dict(
            line.partition("=")[::2] for line in host.file("/etc/os-release").content_string.splitlines()
        )
        assert release["ID"] == "debian"
        return MachineFacts(
            debian=release["VERSION_ID"].strip('"'),
            snapd_active=host.service("snapd").is_running,
            seeded=host.run("sudo -n timeout 60 /usr/bin/snap wait system seed.loaded").rc == 0,
            groups=frozenset(host.check_output("id --groups --name").split()),
            max_user_instances=host.sysctl("fs.inotify.max_user_instances"),
            max_user_watches=host.sysctl("fs.inotify.max_user_watches"),
        )

    return look
