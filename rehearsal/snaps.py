"""Packs snaps: squashfs images that the real snapd installs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rehearsal import kubernetes, python_cache
from rehearsal.cache import digest_file, digest_tree
from rehearsal.recipe import SOURCES, Job, Recipe, words

SNAPS = SOURCES / "snaps"

# Under emulation zstd reads as quickly as lz4 does, and the file that snapd has to copy is a third smaller.
COMPRESSION = words("-comp zstd -Xcompression-level 9")


@dataclass(frozen=True)
class Snap:
    """What the snap's own metadata say."""

    name: str
    version: str
    classic: bool


def metadata(tree: Path) -> Snap:
    """Read `meta/snap.yaml` of a snap's tree (its flat part: no YAML library is needed for that)."""
    text = (tree / "meta/snap.yaml").read_text(encoding="utf-8")
    pairs = re.findall(r"^([a-z-]+): *(\S+) *$", text, re.MULTILINE)
    found = {key: value.strip("'\"") for key, value in pairs}
    return Snap(found["name"], found["version"], found.get("confinement") == "classic")


def pack(job: Job, tree: Path, target: Path) -> Path:
    """Pack a tree as a snap, owned by root, the same bytes for the same content."""
    # What counts is whether something can be run; the rest of the modes is the umask of whoever cloned this.
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    options = words("-noappend -all-root -no-xattrs -mkfs-time 0 -all-time 0 -quiet -no-progress")
    job.run(["mksquashfs", tree, target, *COMPRESSION, *options], timeout=600)
    return target


def microk8s(kubernetes_recipe: Recipe, programs: Recipe) -> Recipe:
    """Return the recipe of the stand-in for the snap microk8s."""

    def make(job: Job) -> None:
        tree = python_cache.copy_sources(SNAPS / "microk8s", job.work / "tree")
        for name in (*kubernetes.DAEMONS, "kubelite", "kubectl"):
            _place(job.needs["kubernetes"] / name, tree / "bin" / name)
        # Where the real snap has it.
        (tree / "kubectl").symlink_to("bin/kubectl")
        for directory in ("bin", "cni"):
            for program in sorted((job.needs["programs"] / directory).iterdir()):
                if program.name != "busybox":
                    _place(program, tree / directory / program.name)
        pack(job, tree, job.out / "microk8s.snap")

    return _recipe("microk8s", make, (kubernetes_recipe, programs))


def juju(kubernetes_recipe: Recipe) -> Recipe:
    """Return the recipe of the stand-in for the snap juju."""

    def make(job: Job) -> None:
        tree = python_cache.copy_sources(SNAPS / "juju", job.work / "tree")
        _place(job.needs["kubernetes"] / "kubectl", tree / "bin/kubectl")
        pack(job, tree, job.out / "juju.snap")

    return _recipe("juju", make, (kubernetes_recipe,))


def _recipe(name: str, make: Callable[[Job], None], needs: tuple[Recipe, ...]) -> Recipe:
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "python": digest_file(Path(python_cache.__file__)),
        "sources": digest_tree(SNAPS / name),
    }
    return Recipe(f"snap-{name}", f"snap {name}", inputs, make, needs)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target, follow_symlinks=False)
