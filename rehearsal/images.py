"""The container images of the rehearsal, in one archive: they share layers, and are imported in one go."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rehearsal import docker_archive, python_cache, rootfs
from rehearsal.cache import digest_file, digest_tree
from rehearsal.docker_archive import Image, Layer
from rehearsal.recipe import SOURCES, Job, Recipe, words

IMAGES = SOURCES / "images"
CONSTRAINTS = SOURCES.parent / "constraints.txt"
SITE = "usr/local/lib/python3.11/dist-packages"
REFS = ("lab/pause:1", "lab/shell:1", "lab/base:1", "lab/addons:1", "lab/juju:1")

# A wheel for any of these runs on Debian 12 (glibc 2.36).
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)]
PLATFORMS += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]


def base() -> Recipe:
    """Return the recipe of the layer that the addons and the juju controller run in."""
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "archive": digest_file(Path(docker_archive.__file__)),
        "rootfs": digest_file(Path(rootfs.__file__)),
        "sources": digest_tree(IMAGES / "base"),
        "constraints": digest_file(CONSTRAINTS),
    }
    return Recipe("image-base", "image with Python, nginx and dnsmasq", inputs, _make_base)


def recipe(programs: Recipe, base_layer: Recipe) -> Recipe:
    """Return the recipe of the archive with all images."""
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "archive": digest_file(Path(docker_archive.__file__)),
        "python": digest_file(Path(python_cache.__file__)),
        **{name: digest_tree(IMAGES / name) for name in ("shell", "addons", "juju")},
    }
    return Recipe("images", "archive of all images", inputs, _make_archive, (programs, base_layer))


def _make_base(job: Job) -> None:
    job.say("Python packages")
    files = job.work / "files"
    site = files / SITE
    site.mkdir(parents=True)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    job.run(
        [
            *(sys.executable, *words("-m pip install --quiet --no-compile --only-binary=:all:")),
            *(*words("--implementation cp --python-version 3.11"), *platforms),
            *("--constraint", CONSTRAINTS, "--requirement", IMAGES / "base/requirements.txt"),
            *("--target", site),
        ],
        timeout=900,
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        hint="Can pip on this host install packages? It must find those of constraints.txt.",
    )
    job.say("Debian packages")
    build = files / rootfs.BUILD
    build.mkdir()
    shutil.copy(IMAGES / "base/customize.sh", build)
    overlay = rootfs.overlay(files, job.work / "overlay.tar")
    packages = rootfs.read_list(IMAGES / "base/packages.txt")
    system = rootfs.make(job, packages, overlay)
    job.say("writing the layer")
    exclude = [*rootfs.read_list(IMAGES / "base/exclude.txt"), rootfs.BUILD, "dev/*"]
    docker_archive.layer_of_system(system, job.out / "layer.tar", exclude)


def _make_archive(job: Job) -> None:
    shell = _shell_layer(job)
    base_tar = job.needs["image-base"] / "layer.tar"
    base_layer = Layer(base_tar, digest_file(base_tar))
    addons = _program_layer(job, "addons")
    juju = _program_layer(job, "juju")
    sleep = ("/bin/sleep", "2147483647")
    docker_archive.write(
        job.out / "rehearsal.tar",
        [
            Image(REFS[0], (shell,), sleep),
            Image(REFS[1], (shell,)),
            Image(REFS[2], (base_layer,)),
            Image(REFS[3], (base_layer, addons)),
            Image(REFS[4], (base_layer, juju)),
        ],
    )


def _shell_layer(job: Job) -> Layer:
    """Return the layer with busybox, under the name of each of its commands."""
    root = job.work / "shell"
    shutil.copytree(IMAGES / "shell", root)
    for directory in ("bin", "dev", "proc", "root", "sys", "tmp", "var/tmp", "usr"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    busybox = root / "bin/busybox"
    shutil.copy(job.needs["programs"] / "bin/busybox", busybox)
    for command in job.run([busybox, "--list"], timeout=30).stdout.split():
        if command != "busybox":
            (root / "bin" / command).symlink_to("busybox")
    (root / "usr/bin").symlink_to("../bin")
    return docker_archive.layer_of_tree(root, job.work / "shell.tar")


def _program_layer(job: Job, name: str) -> Layer:
    """Return the layer with one of the rehearsal's own programs, in /opt/lab."""
    tree = python_cache.copy_sources(IMAGES / name, job.work / name)
    return docker_archive.layer_of_tree(tree, job.work / f"{name}.tar", prefix="opt/lab")
