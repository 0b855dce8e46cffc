"""A host on which something is missing, full, taken or damaged; all of it before there is a machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.testing.waiting import Pending, wait_until
from tests.faults.bundle import FILES
from tests.faults.command import OWN_MOUNTS, Checkout
from tests.faults.engine import Engine, start

SECONDS = 60.0

READ_ONLY = 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && exec "$@"'
FULL = 'mount -t tmpfs -o size=16k none .lab && head -c 16k /dev/zero >.lab/filler; exec "$@"'


def test_a_read_only_checkout(ready: Checkout) -> None:
    ready.under(*OWN_MOUNTS, READ_ONLY, "sh").lab("up").refuses("LAB-HOST-041", 10, hint=".lab/")
    ready.under(*OWN_MOUNTS, READ_ONLY, "sh").lab("plan").succeeds()


def test_a_full_disk(ready: Checkout) -> None:
    (ready.root / ".lab").mkdir()
    ready.under(*OWN_MOUNTS, FULL, "sh").lab("up").refuses("LAB-HOST-040", 10, hint="df -h")


class TestBundle:
    """What can be wrong with a bundle is told before anything is made of it."""

    def test_none(self, ready: Checkout, bundle: Path) -> None:
        shutil.rmtree(bundle)
        ready.lab("up").refuses("LAB-HOST-010", 10, hint="make rehearsal")

    def test_a_manifest_cut_short(self, ready: Checkout, bundle: Path) -> None:
        manifest = bundle / "manifest.json"
        manifest.write_text(manifest.read_text()[:100])
        ready.lab("up").refuses("LAB-HOST-011", 10, hint="make bundle")

    def test_another_edition(self, ready: Checkout, bundle: Path) -> None:
        data = json.loads((bundle / "manifest.json").read_text())
        (bundle / "manifest.json").write_text(json.dumps(data | {"edition": "kubeflow-1.8"}))
        ready.lab("up").refuses("LAB-HOST-012", 10, hint="--edition kubeflow-1.8")

    @pytest.mark.parametrize("kind", FILES)
    def test_a_file_is_missing(self, ready: Checkout, bundle: Path, kind: str) -> None:
        (bundle / FILES[kind]).unlink()
        ready.lab("up").refuses("LAB-HOST-013", 10, hint="make bundle")

    @pytest.mark.parametrize("kind", FILES)
    def test_a_file_is_damaged(self, ready: Checkout, bundle: Path, kind: str) -> None:
        path = bundle / FILES[kind]
        path.write_bytes(b"X" + path.read_bytes()[1:])
        ready.lab("up").refuses("LAB-HOST-014", 10, hint="make bundle")


@pytest.fixture
def first(ready: Checkout, bundle: Path, tmp_path: Path) -> Iterator[Engine]:
    """Return an `up` at work: it reads a file of the bundle that does not come to its end."""
    stuck = bundle / FILES["iso"]
    stuck.unlink()
    os.mkfifo(stuck)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["iso"]["size"] = 0
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with start(
        ready.argv("up"), cwd=ready.root, events=tmp_path / "events", output=tmp_path / "output"
    ) as engine:
        engine.wait_for(
            lambda event: event["event"] == "waiting" and FILES["iso"] in event["text"],
            "the bundle to be read",
            deadline=SECONDS,
        )
        yield engine
        # Nothing else ends a process that opens a pipe without a writer.
        if engine.process.poll() is None:
            engine.kill()


def test_two_at_once(first: Engine, ready: Checkout) -> None:
    for command in (["up"], ["provision"], ["down", "--yes"]):
        answer = ready.lab(*command)
        answer.refuses("LAB-HOST-020", 10, hint="Wait")
        assert f"process {first.process.pid}, 'up'" in answer.errors
    assert ready.lab("status").exit_code == 20, "looking is allowed"
    assert first.process.poll() is None


def test_a_lock_is_never_stale(first: Engine, ready: Checkout, bundle: Path) -> None:
    first.kill()
    assert (ready.root / ".lab" / "kubeflow" / "lock.owner").exists(), "it had no time to tidy up"
    (bundle / FILES["iso"]).unlink()
    ready.lab("up").refuses("LAB-HOST-013", 10)


def test_ctrl_c_says_where_and_how_to_go_on(first: Engine) -> None:
    first.process.send_signal(2)

    def ended() -> int | Pending:
        code = first.process.poll()
        return Pending("it runs") if code is None else code

    assert wait_until(ended, what="the end", deadline=SECONDS, interval=0.1) == 130
    assert "python -m lab up" in first.said()
    assert first.told()[-1]["event"] == "ended"
