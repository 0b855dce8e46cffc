"""Writes lab.lock: what the run really got."""

from __future__ import annotations

import json
from pathlib import Path

from lab import __version__
from lab.config import Settings
from lab.editions.bundle import MANIFEST, load_manifest, sha256_of
from lab.errors import LabError
from lab.files import replace_file
from lab.plan.journal import utc_now
from lab.probes.drift import FILE, SCHEMA
from lab.probes.versions import Versions, read_versions
from lab.process import Runner, run
from lab.report.events import Notice, Subscriber
from lab.report.tasks import Task
from lab.transport.base import Transport

GIT_SECONDS = 10.0


def record_versions(transport: Transport, settings: Settings, task: Task, emit: Subscriber) -> None:
    """Write down which versions the lab has got. One that cannot say so is a good lab nevertheless.

    Args:
        transport: The way into the guest.
        settings: The lab.
        task: What this is a part of.
        emit: Is told if it cannot be done.
    """
    task.waiting("the versions of all that is installed")
    try:
        lock = make_lock(read_versions(transport, settings), settings)
    except LabError as error:
        emit(Notice(f"The versions could not be recorded: {error}"))
        return
    replace_file(settings.state_dir / FILE, json.dumps(lock, indent=2, sort_keys=True) + "\n")


def make_lock(versions: Versions, settings: Settings, *, runner: Runner = run) -> Versions:
    """Return the versions together with where they came from."""
    bundle = None
    snaps = versions["snaps"]
    if settings.bundle is not None:
        sums = {snap.name: snap.sha256 for snap in load_manifest(settings.bundle).snaps}
        snaps = {name: {**snap, "sha256": sums.get(name)} for name, snap in snaps.items()}
        bundle = sha256_of(settings.bundle / MANIFEST)
    return {
        **versions,
        "schema": SCHEMA,
        "name": settings.name,
        "recorded": utc_now().isoformat(timespec="seconds"),
        "lab": {"version": __version__, "commit": _commit(settings.root, runner)},
        "bundle": bundle,
        "snaps": snaps,
    }


def _commit(root: Path, runner: Runner) -> str | None:
    """Return the commit of the checkout, marked if something in it was changed; ``None`` without git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    try:
        result = runner(command, timeout=GIT_SECONDS)
    except LabError:
        return None
    return result.stdout.strip() if result.ok else None
