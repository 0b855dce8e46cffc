"""The proof that the suite leaves nothing behind. It has to run last."""

from __future__ import annotations

from typing import Any

import pytest

from lab.testing import profiles
from lab.testing.kube import Kube, KubeError
from lab.testing.manifests import RUN_LABEL
from lab.testing.markers import GUEST_ONLY, MARKERS
from lab.testing.waiting import Pending, wait_until

pytestmark = [getattr(pytest.mark, name) for name in MARKERS if name != GUEST_ONLY]

DEADLINE = 300.0


def test_nothing_is_left(run: Any, kube: Kube) -> None:
    run.clean_up()
    label = f"{RUN_LABEL}={run.id}"

    def look() -> bool | Pending:
        left = [
            f"Namespace {item['metadata']['name']}" for item in kube.list("v1", "Namespace", labels=label)
        ]
        # A Profile's namespace has no label of ours.
        left += profiles.remains(kube, run.profiles)
        left += [
            f"PersistentVolume {volume['metadata']['name']}"
            for volume in kube.list("v1", "PersistentVolume")
            if (volume["spec"].get("claimRef") or {}).get("namespace") in run.namespaces
        ]
        return Pending(", ".join(left)) if left else True

    wait_until(look, what="everything to be gone", deadline=DEADLINE, tolerate=(KubeError,))

    # Namespaces take what is in them along. This finds what is in none, or in somebody else's.
    found = []
    for version, kind in kube.kinds():
        try:
            items = kube.list(version, kind, labels=label)
        except KubeError as error:
            # Some kinds cannot be listed by everybody, or are served by something that is not there.
            if error.status not in (403, 404, 405, 503):
                raise
            continue
        found += [f"{kind} {item['metadata']['name']}" for item in items]
    assert found == []


def test_no_data_is_left(run: Any, host: Any) -> None:
    directory = "/var/snap/microk8s/common/default-storage"
    listed = host.run("sudo -n find %s -mindepth 1 -maxdepth 1", directory).stdout.split()
    assert [path for path in listed if any(f"/{name}-" in path for name in run.namespaces)] == []
