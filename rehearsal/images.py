"""The container images of the rehearsal, in one archive: they share layers, and are imported in one go.

The first layer of most is a small Debian with Python. Above it come PyPI packages, a layer a purpose, and the
rehearsal's own programs.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rehearsal import docker_archive, launcher, python_cache, rootfs
from rehearsal.cache import digest_file, digest_tree
from rehearsal.docker_archive import Image, Layer
from rehearsal.recipe import SOURCES, Job, Recipe, words

IMAGES = SOURCES / "images"
CONSTRAINTS = SOURCES.parent / "constraints.txt"
SITE = "usr/local/lib/python3.11/dist-packages"
REFS = (
    *("lab/pause:1", "lab/shell:1", "lab/base:1", "lab/addons:1", "lab/juju:1"),
    *("lab/kubeflow:1", "lab/python:1", "lab/s3:1", "lab/launcher:1"),
)

PACKAGES = {
    "kubeflow": "what the stand-ins for Kubeflow's applications are made of",
    "python": "pip and the Pipelines SDK, for the steps and trials of users",
}
"""Layers of PyPI packages above the base, by the directory that holds their requirements."""

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


def packages(name: str, base_layer: Recipe) -> Recipe:
    """Return the recipe of a layer with PyPI packages above the base; `PACKAGES` says which there are."""
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "archive": digest_file(Path(docker_archive.__file__)),
        "python": digest_file(Path(python_cache.__file__)),
        **{path.name: digest_file(path) for path in sorted((IMAGES / name).glob("*.txt"))},
        "constraints": digest_file(CONSTRAINTS),
    }

    def make(job: Job) -> None:
        _make_packages(job, name)

    return Recipe(f"image-{name}", f"layer with {PACKAGES[name]}", inputs, make, (base_layer,))


def rclone() -> Recipe:
    """Return the recipe of rclone, which serves objects by S3's protocol."""

    def make(job: Job) -> None:
        job.say("downloading")
        _pip(job, IMAGES / "s3/requirements.txt", job.work / "s3")
        (job.work / "s3/bin/rclone").rename(job.out / "rclone")

    inputs = {
        "recipe": digest_file(Path(__file__)),
        "requirements": digest_file(IMAGES / "s3/requirements.txt"),
        "constraints": digest_file(CONSTRAINTS),
    }
    return Recipe("rclone", "rclone, an S3 server", inputs, make)


def recipe(programs: Recipe, base_layer: Recipe, *others: Recipe) -> Recipe:
    """Return the recipe of the archive with all images.

    Args:
        programs: etcd, busybox and the like.
        base_layer: see `base`.
        others: `packages` for each of `PACKAGES`, `rclone` and the launcher.
    """
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "archive": digest_file(Path(docker_archive.__file__)),
        "python": digest_file(Path(python_cache.__file__)),
        **{name: digest_tree(IMAGES / name) for name in ("shell", "addons", "juju", "kubeflow")},
    }
    needs = (programs, base_layer, *others)
    return Recipe("images", "archive of all images", inputs, _make_archive, needs)


def _make_base(job: Job) -> None:
    job.say("Python packages")
    files = job.work / "files"
    _pip(job, IMAGES / "base/requirements.txt", files / SITE)
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


def _make_packages(job: Job, name: str) -> None:
    job.say("Python packages")
    site = job.work / "root" / SITE
    _pip(job, IMAGES / name / "requirements.txt", site)
    if (site / "bin").is_dir():
        # Programs are found there; what pip wrote into them is this host's Python.
        (site / "bin").rename(job.work / "root/usr/local/bin")
        for program in (job.work / "root/usr/local/bin").iterdir():
            _use_debians_python(program)
    python_cache.compile_packages(site)
    # Versions are pinned, so what the base holds is the same.
    for held in docker_archive.files_in(job.needs["image-base"] / "layer.tar"):
        (job.work / "root" / held).unlink(missing_ok=True)
    job.say("writing the layer")
    docker_archive.layer_of_tree(job.work / "root", job.out / "layer.tar")


def _use_debians_python(program: Path) -> None:
    first, newline, rest = program.read_bytes().partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        program.write_bytes(b"#!/usr/bin/python3" + newline + rest)


def _pip(job: Job, requirements: Path, target: Path) -> None:
    """Install packages for Debian 12's Python into a directory."""
    target.mkdir(parents=True)
    pip: list[str | Path] = [sys.executable, *words("-m pip --quiet --disable-pip-version-check")]
    pinned: list[str | Path] = ["--constraint", CONSTRAINTS, "--requirement", requirements]
    hint = "Can pip on this host install packages? It must find those of constraints.txt."
    wheels = job.work / "wheels"
    wheels.mkdir(exist_ok=True)
    sources = requirements.with_name("sources.txt")
    if sources.exists():
        build: list[str | Path] = [
            *words("wheel --use-pep517 --no-deps --constraint"),
            CONSTRAINTS,
            "--requirement",
            sources,
        ]
        job.run([*pip, *build, "--wheel-dir", wheels], timeout=900, hint=hint)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    chosen = [*words("--only-binary=:all: --implementation cp --python-version 3.11"), *platforms]
    install: list[str | Path] = [*words("install --no-compile"), *chosen, *pinned, "--find-links", wheels]
    job.run([*pip, *install, "--target", target], timeout=900, hint=hint)


def _make_archive(job: Job) -> None:
    shell = _shell_layer(job)
    base_layer = _entry_layer(job, "image-base")
    addons = _program_layer(job, "addons")
    juju = _program_layer(job, "juju")
    kubeflow = _program_layer(job, "kubeflow")
    above = {name: _entry_layer(job, f"image-{name}") for name in PACKAGES}
    sleep = ("/bin/sleep", "2147483647")
    docker_archive.write(
        job.out / "rehearsal.tar",
        [
            Image(REFS[0], (shell,), sleep),
            Image(REFS[1], (shell,)),
            Image(REFS[2], (base_layer,)),
            Image(REFS[3], (base_layer, addons)),
            Image(REFS[4], (base_layer, juju)),
            Image(REFS[5], (base_layer, above["kubeflow"], kubeflow)),
            Image(REFS[6], (base_layer, above["python"]), ("python3",)),
            Image(REFS[7], (shell, _rclone_layer(job))),
            Image(REFS[8], (_launcher_layer(job),)),
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


def _entry_layer(job: Job, kind: str) -> Layer:
    """Return the layer that another recipe made."""
    tar = job.needs[kind] / "layer.tar"
    return Layer(tar, digest_file(tar))


def _rclone_layer(job: Job) -> Layer:
    root = job.work / "s3"
    root.mkdir()
    shutil.copy(job.needs["rclone"] / "rclone", root / "rclone")
    (root / "rclone").chmod(0o755)
    return docker_archive.layer_of_tree(root, job.work / "s3.tar", prefix="usr/local/bin")


def _launcher_layer(job: Job) -> Layer:
    root = job.work / "launcher"
    root.mkdir()
    shutil.copy(job.needs["launcher"] / launcher.PROGRAM, root)
    return docker_archive.layer_of_tree(root, job.work / "launcher.tar")


def _program_layer(job: Job, name: str) -> Layer:
    """Return the layer with one of the rehearsal's own programs, in /opt/lab."""
    tree = python_cache.copy_sources(IMAGES / name, job.work / name)
    return docker_archive.layer_of_tree(tree, job.work / f"{name}.tar", prefix="opt/lab")
