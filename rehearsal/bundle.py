"""The bundle: a directory with all that a lab needs when there is no snap store and no image registry."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.errors import HostError
from rehearsal import box, debian, images, kubernetes, launcher, snaps
from rehearsal.cache import Cache, digest_file
from rehearsal.recipe import Job, Recipe, words

EDITION = "rehearsal"
TITLE = "Rehearsal: stand-ins for MicroK8s, Juju and Kubeflow"
LABEL = "LAB_BUNDLE"
MANIFEST = "manifest.json"
ISO = "bundle.iso"
BUILD_HINT = "Build it: python -m rehearsal build"


def recipe() -> Recipe:
    """Return the recipe of the whole bundle; all others hang below it, the slow ones first."""
    kubernetes_recipe, programs = kubernetes.recipe(), debian.programs()
    needs = (
        kubernetes_recipe,
        box.recipe(),
        programs,
        base := images.base(),
        images.recipe(
            programs,
            base,
            *(images.packages(name, base) for name in images.PACKAGES),
            images.rclone(),
            launcher.recipe(),
        ),
        snaps.microk8s(kubernetes_recipe, programs),
        snaps.juju(kubernetes_recipe),
    )
    inputs = {"recipe": digest_file(Path(__file__))}
    return Recipe("bundle", "bundle with manifest and ISO", inputs, _make, needs)


def _make(job: Job) -> None:
    job.say("hashing")
    _link(job.needs["box"] / box.FILE, job.out / "box" / box.FILE)
    for name in ("microk8s", "juju"):
        _link(job.needs[f"snap-{name}"] / f"{name}.snap", job.out / f"snaps/{name}.snap")
    _link(job.needs["images"] / "rehearsal.tar", job.out / "images/rehearsal.tar")

    content: dict[str, Any] = {
        "schema": 1,
        "edition": EDITION,
        "title": TITLE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "snaps": [_snap(job.out, name) for name in ("microk8s", "juju")],
        "images": [{**_file(job.out, "images/rehearsal.tar"), "refs": list(images.REFS)}],
    }
    # The guest gets the same directory without the box, and without the ISO that it is looking at.
    for_guest = job.work / MANIFEST
    for_guest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    job.say("writing the ISO")
    job.run(
        [
            *words(f"xorriso -as mkisofs -quiet -volid {LABEL} -rational-rock -iso-level 3 -output"),
            job.out / ISO,
            "-graft-points",
            f"/{MANIFEST}={for_guest}",
            f"/snaps={job.out / 'snaps'}",
            f"/images={job.out / 'images'}",
        ],
        timeout=600,
    )
    box_file = _file(job.out, f"box/{box.FILE}")
    content["box"] = {"name": f"lab/{EDITION}-{box_file['sha256'][:12]}", **box_file}
    content["iso"] = {**_file(job.out, ISO), "label": LABEL}
    (job.out / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _snap(root: Path, name: str) -> dict[str, Any]:
    snap = snaps.metadata(snaps.SNAPS / name)
    return {
        "name": snap.name,
        **_file(root, f"snaps/{name}.snap"),
        "version": snap.version,
        "classic": snap.classic,
        "assertion": None,
    }


def _file(root: Path, name: str) -> dict[str, Any]:
    path = root / name
    return {"file": name, "sha256": digest_file(path), "size": path.stat().st_size}


def _link(source: Path, target: Path) -> None:
    # A second name for the same file: the box and the snaps take their space only once.
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def publish(cache_root: Path, entry: Path) -> Path:
    """Let `bundles/rehearsal` name this entry, without a moment in which it names none; return that name."""
    link = cache_root / "bundles" / EDITION
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    destination = os.path.relpath(entry, link.parent)
    if not (link.is_symlink() and str(link.readlink()) == destination):
        temporary = link.with_name(f".{EDITION}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(destination)
        temporary.replace(link)
    return link


def published(cache_root: Path, cache: Cache) -> Path:
    """Return the bundle that is in use.

    Raises:
        HostError: there is none, or it is damaged.
    """
    link = cache_root / "bundles" / EDITION
    if not link.is_symlink():
        raise HostError("there is no bundle yet", code="LAB-HOST-230", hint=BUILD_HINT)
    entry = link.resolve()
    if cache.find(entry.name) is None:
        raise HostError(f"the bundle {entry} is damaged or gone", code="LAB-HOST-231", hint=BUILD_HINT)
    return entry
