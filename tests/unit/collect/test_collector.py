"""What is collected, in every state of a lab, and that no secret is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab.collect.secret_values import in_text
from lab.errors import VMError
from lab.report.events import TaskEnded
from tests.unit.collect.conftest import SECRETS, Bench


def unpack(path: Path) -> dict[str, bytes]:
    """Return the archive's files by their path below its top directory."""
    with tarfile.open(path) as tar:
        members = {member.name.partition("/")[2]: tar.extractfile(member) for member in tar}
        return {name: stream.read() for name, stream in members.items() if stream}


def manifest(files: dict[str, bytes]) -> Any:
    return json.loads(files["MANIFEST.json"])


def missing(files: dict[str, bytes]) -> dict[str, str]:
    return {entry["file"]: entry["why"] for entry in manifest(files)["missing"]}


def spellings(secret: str) -> set[bytes]:
    """Return what gives a secret away."""
    found = {secret.encode(), json.dumps(secret)[1:-1].encode(), base64.b64encode(secret.encode())}
    for before in range(3):
        # The part of a longer text in base64 that is the same whatever stands around it.
        whole = base64.b64encode(b"." * before + secret.encode() + b"...").decode()
        found.add(whole[4 if before else 0 : (before + len(secret)) * 4 // 3 - 1].encode())
    return found


def test_no_planted_secret_is_in_the_archive(bench: Bench, tmp_path: Path) -> None:
    found = bench.run(tmp_path / "out.tar.gz")
    assert found.all_known
    files = unpack(found.path)
    for where, secret in SECRETS.items():
        for spelling in spellings(secret):
            for name, data in files.items():
                assert spelling not in data, f"the secret of {where} is in {name}"
                assert spelling not in name.encode()
    # It was planted in all of these.
    for name in (
        *("lab/vagrant.log", "lab/logs/10-snapd.log", "lab/reports/latest/evidence/journal.txt"),
        *("guest/dmesg.txt", "kubernetes/pods.txt", "juju/status.json", "juju/debug-log.txt"),
        *("microk8s/inspect/sys/ps", "microk8s/inspect/args/kube-apiserver"),
        *("pods/kubeflow/bad/describe.txt", "pods/kubeflow/bad/logs-previous.txt"),
    ):
        assert files[name].count(b"***") >= len(SECRETS) - 3, name
    assert files["lab/environment.json"].count(b"***") == 2
    # Names of things are no secrets.
    assert b"kubeflow" in files["lab/settings.json"]


def test_the_archive_tells_what_is_in_it(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "out.tar.gz"
    path.write_text("an older one")
    found = bench.run(path)
    assert path.stat().st_mode & 0o777 == 0o600
    files = unpack(path)
    listed = {entry["file"]: entry for entry in manifest(files)["files"]}
    assert set(listed) == set(files) - {"MANIFEST.json", "MISSING.txt"}
    assert found.files == len(listed)
    for name, entry in listed.items():
        assert entry["size"] == len(files[name])
        assert entry["sha256"] == hashlib.sha256(files[name]).hexdigest()
    assert listed["guest/kernel.txt"]["source"] == "uname -a"
    assert listed["guest/kernel.txt"]["exit_code"] == 0
    assert listed["lab/journal.json"]["exit_code"] is None
    assert json.loads(files["lab/status.json"])["name"] == "kubeflow"
    # Nobody can see whether there are secrets in what is no text.
    assert missing(files).keys() == {
        *("microk8s/inspect/certs/ca.key", "microk8s/inspect/old.tar.gz", "microk8s/inspect/core")
    }
    assert b"certs/ca.key: it is left out" in files["MISSING.txt"]
    assert not any(".." in name for name in files)
    assert not any(name.startswith("pods/kubeflow/fine") for name in files)
    assert bench.guest.closed
    ended = [event for event in bench.events if isinstance(event, TaskEnded)]
    assert [event.index for event in ended] == list(range(1, ended[0].total + 1))


@pytest.mark.parametrize(
    ("state", "refuse", "why"),
    [
        ("not_created", None, "the VM is not created"),
        ("poweroff", None, "the VM is poweroff"),
        ("running", VMError("no login", code="LAB-VM-206"), "the VM does not answer: no login"),
    ],
)
def test_without_a_guest(bench: Bench, tmp_path: Path, state: str, refuse: VMError | None, why: str) -> None:
    bench.state, bench.refuse = state, refuse
    found = bench.run(tmp_path / "out.tar.gz")
    files = unpack(found.path)
    assert not found.all_known
    assert bench.guest.asked == []
    reasons = missing(files)
    assert {"guest/kernel.txt", "kubernetes/events.txt", "juju/status.txt", "microk8s/inspect"} <= set(
        reasons
    )
    assert set(reasons.values()) == {why}
    assert {"lab/logs/10-snapd.log", "versions/qemu.txt", "lab/status.json"} <= set(files)
    assert SECRETS["juju"].encode() in files["lab/vagrant.log"], "only the guest knows that one"
    assert SECRETS["login"].encode() not in files["lab/vagrant.log"]


def test_microk8s_is_down(bench: Bench, tmp_path: Path) -> None:
    bench.guest.failing = ("/snap/bin/microk8s",)
    found = bench.run(tmp_path / "out.tar.gz")
    files = unpack(found.path)
    assert not found.all_known
    assert b"microk8s is not running" in files["kubernetes/pods.txt"], "what it says is of use, too"
    assert set(missing(files)) == {"pods/not-ready", "microk8s/inspect"}
    assert SECRETS["macaroon"].encode() not in files["juju/status.json"]


def test_juju_hangs(bench: Bench, tmp_path: Path) -> None:
    bench.guest.silent = ("/snap/bin/juju status",)
    files = unpack(bench.run(tmp_path / "out.tar.gz").path)
    assert missing(files)["juju/status.txt"] == "it did not end within 60 s"
    assert {"juju/debug-log.txt", "microk8s/inspect/sys/ps"} <= set(files)


def test_a_guest_that_hangs_is_given_up(bench: Bench, tmp_path: Path) -> None:
    bench.guest.silent = ("",)
    files = unpack(bench.run(tmp_path / "out.tar.gz").path)
    reasons = missing(files)
    assert reasons["guest/kernel.txt"] == "it did not end within 60 s"
    assert reasons["juju/status.txt"] == "the VM no longer answers"
    assert bench.guest.closed


def test_only_the_secrets_of_a_file_are_learned() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIDpublic\n-----END CERTIFICATE-----"
    text = (
        "controllers:\n  uk8sx:\n    agent-version: 3.4.6-long-enough\n    ca-cert: |\n"
        + "".join(f"      {line}\n" for line in certificate.splitlines())
        + "    credential: a-name-that-is-long\n    password: x1y2z3w4\n"
    )
    assert set(in_text(text)) == {"x1y2z3w4"}
