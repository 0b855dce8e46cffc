"""A Debian root file system in a tar, by mmdebstrap: as root, and as an ordinary user in a user namespace."""

from __future__ import annotations

import os
import re
import shlex
import tarfile
from pathlib import Path

from rehearsal import debian
from rehearsal.docker_archive import normalised
from rehearsal.recipe import Job

BUILD = "lab-build"
"""Directory in the root file system that holds what is needed while it is made only."""

LEAVE_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")

_STEPS = re.compile(r"^I: (downloading|extracting|installing|creating tarball)")


def read_list(path: Path) -> list[str]:
    """Return the lines of a text file that are neither empty nor comments."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def overlay(root: Path, target: Path, modes: dict[str, int] | None = None) -> Path:
    """Pack files that are laid over a root file system, owned by root.

    Args:
        root: directory with the files.
        target: the tar to write.
        modes: modes of files for which 0644 or 0755 is wrong.
    """
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            member = normalised(tar.gettarinfo(path), name)
            member.uid = member.gid = 0
            runs = member.isdir() or member.mode & 0o100
            member.mode = (modes or {}).get(name, 0o755 if runs else 0o644)
            if member.isfile():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
    return target


def make(job: Job, packages: list[str], files: Path) -> Path:
    """Make a root file system and return its tar.

    Args:
        job: the job it belongs to.
        packages: what to install beside a minimal Debian.
        files: tar laid over it; its `lab-build/customize.sh` is run inside at the end.
    """
    target = job.work / "root.tar"
    sources = job.work / "sources.list"
    lines = [source.line() for source in debian.host_sources(job.runner, job.log)]
    sources.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = ['Acquire::Languages "none"', 'Acquire::Retries "3"', *debian.acquire_options(job.runner)]

    def progress(line: str) -> None:
        if _STEPS.match(line):
            job.say(line.removeprefix("I: ").rstrip("."))

    job.run(
        [
            "mmdebstrap",
            "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
            "--variant=minbase",
            "--format=tar",
            f"--architectures={debian.ARCHITECTURE}",
            f"--include={','.join(packages)}",
            *(f"--aptopt={option}" for option in options),
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEAVE_OUT),
            # Special hooks read the file for us: in unshare mode the namespace's user could not.
            f"--customize-hook=tar-in {shlex.quote(str(files))} /",
            f'--customize-hook=chroot "$1" bash /{BUILD}/customize.sh',
            debian.SUITE,
            target,
            sources,
        ],
        timeout=1800,
        env={"LC_ALL": "C.UTF-8"},
        on_line=progress,
        hint=f"{debian.NETWORK_HINT} An ordinary user also needs lines in /etc/subuid and /etc/subgid.",
    )
    return target
