"""The launcher of pipeline steps, built with Debian's Go: it runs in any image, and needs nothing of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rehearsal import kubernetes
from rehearsal.cache import digest_file, digest_tree
from rehearsal.recipe import SOURCES, Job, Recipe, words

PROGRAM = "launcher"
GO_SOURCES = SOURCES / "images/launcher"


def recipe() -> Recipe:
    """Return the recipe of the program."""
    inputs = {"recipe": digest_file(Path(__file__)), "sources": digest_tree(GO_SOURCES)}
    return Recipe("launcher", "launcher of pipeline steps", inputs, _make)


def build(target: Path, work: Path, run: Callable[..., object]) -> None:
    """Compile the program.

    Args:
        target: the file to write.
        work: a scratch directory.
        run: runs a program; see `Job.run`.
    """
    # Only the standard library is used: no module, nothing to fetch. Without C it is linked statically.
    env = {
        "PATH": f"{kubernetes.GO}{os.pathsep}{os.environ['PATH']}",
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOPATH": str(work / "gopath"),
        "GOCACHE": str(work / "gocache"),
    }
    command = [*words("go build -trimpath -o"), target, "-ldflags", "-s -w", "."]
    run(command, timeout=600, cwd=GO_SOURCES, env=env)


def _make(job: Job) -> None:
    job.say("compiling")
    build(job.out / PROGRAM, job.work, job.run)
    copy = job.work / "copy"
    job.run([job.out / PROGRAM, "--copy", copy], timeout=30)
    if copy.read_bytes() != (job.out / PROGRAM).read_bytes():
        raise RuntimeError("the launcher does not copy itself")
