"""Kubernetes 1.20.2, built from Debian 12's source package.

Debian ships only kubectl as a binary package, but its source package is complete.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rehearsal import debian
from rehearsal.cache import digest_file
from rehearsal.recipe import SOURCES, Job, Recipe, words

VERSION = "v1.20.2"
DAEMONS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
KUBELITE = SOURCES / "kubernetes" / "kubelite" / "main.go"
REFLECT2 = Path("github.com/modern-go/reflect2")

# Debian's own Go, even if a newer one comes first on PATH: this source does not build with any.
GO = Path("/usr/lib/go-1.19/bin")


def recipe() -> Recipe:
    """Return the recipe of `kubelite` (all five daemons in one program, see its source) and `kubectl`."""
    inputs = {"recipe": digest_file(Path(__file__)), "kubelite": digest_file(KUBELITE)}
    return Recipe("kubernetes", "Kubernetes from Debian's source package", inputs, _make)


def _make(job: Job) -> None:
    job.say("fetching the sources")
    apt = debian.Apt(job, with_sources=True)
    tree = apt.source("kubernetes", job.work / "source")
    reflect2 = apt.download(["golang-github-modern-go-reflect2-dev"], job.work / "debs")
    _mend_reflect2(job, tree, next(iter(reflect2.values())))
    (tree / "cmd/kubelite").mkdir()
    shutil.copy(KUBELITE, tree / "cmd/kubelite/main.go")

    # Not in module mode: the vendored go.mod is too old. So the tree must look as if it were in GOPATH.
    home = job.work / "gopath/src/k8s.io/kubernetes"
    home.parent.mkdir(parents=True)
    home.symlink_to(tree)
    env = {
        "PATH": f"{GO}{os.pathsep}{os.environ['PATH']}",
        "PWD": str(home),  # so that Go sees the directory by this name, not by the link's target
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOPATH": str(job.work / "gopath"),
        "GOCACHE": str(job.work / "gocache"),
    }
    job.run(["git", "init", "-q", "."], timeout=60, cwd=tree)  # the generators ask git for the tree

    # The API server needs its OpenAPI definitions; all other generated files are in the source package.
    job.say("generating the OpenAPI definitions (about a minute)")
    job.run(["make", "gen_openapi"], timeout=1200, cwd=home, env=env)
    job.say("compiling (about three minutes)")
    job.run(
        [
            *words("go build -trimpath -gcflags=all=-dwarf=false -ldflags"),
            _linker_flags(tree),
            *("-o", f"{job.out}/", "./cmd/kubelite", "./cmd/kubectl"),
        ],
        timeout=2400,
        cwd=home,
        env=env,
    )
    for daemon in DAEMONS:
        (job.out / daemon).symlink_to("kubelite")
    _try(job)


def _mend_reflect2(job: Job, tree: Path, package: Path) -> None:
    """Replace the vendored reflect2 1.0.1 by Debian's 1.0.2.

    The old one knows Go's map iterator by its layout before Go 1.18: built with a later Go, the API server
    starts, and dies ("fatal error: fault") as soon as certain custom resources are created.
    """
    newer = debian.unpack(job, package, job.work / "reflect2") / "usr/share/gocode/src" / REFLECT2
    vendored = tree / "vendor" / REFLECT2
    shutil.rmtree(vendored)
    vendored.mkdir()
    for path in newer.iterdir():
        if path.suffix in {".go", ".s"} and not path.name.endswith("_test.go"):
            shutil.copy(path, vendored)


def _linker_flags(tree: Path) -> str:
    """Return flags that leave out debugging data and set the version, as seen from GOPATH."""
    major, minor, _ = VERSION.removeprefix("v").split(".")
    values = {"gitVersion": VERSION, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    values["gitCommit"] = f"debian-{tree.name}"
    vendored = "k8s.io/kubernetes/vendor/k8s.io"
    packages = [f"{vendored}/component-base/version", f"{vendored}/client-go/pkg/version"]
    settings = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return " ".join(["-s -w", *settings])


def _try(job: Job) -> None:
    """Call every program once: each must know its name and its version."""
    for daemon in DAEMONS:
        said = job.run([job.out / daemon, "--version"], timeout=30).stdout
        if VERSION not in said:
            raise RuntimeError(f"{daemon} says {said.strip()!r} instead of {VERSION}")
    job.run([job.out / "kubectl", "version", "--client"], timeout=30)
