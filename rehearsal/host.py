"""What this host must have before anything is built."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.errors import HostError

PROGRAMS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "dpkg-source": "dpkg-dev",
    "git": "git",
    "go": "golang-go",
    "make": "make",
    "mke2fs": "e2fsprogs",
    "mksquashfs": "squashfs-tools",
    "mmdebstrap": "mmdebstrap",
    "patch": "patch",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "rsync": "rsync",
    "xorriso": "xorriso",
}
"""The packages of the programs that are called."""

NEEDED_BYTES = 6 << 30
"""What all builds together take while they run; a third of it stays."""

AS_ORDINARY_USER = {"newuidmap": "uidmap", "unshare": "util-linux"}

# An ordinary user's PATH has no sbin.
_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def check(cache: Path) -> None:
    """Make sure that all programs are there, and room to build in.

    Raises:
        HostError: some are missing, or the disk is full; the hint says what to do.
    """
    wanted = PROGRAMS if os.geteuid() == 0 else {**PROGRAMS, **AS_ORDINARY_USER}
    missing = {name: package for name, package in wanted.items() if not shutil.which(name, path=_SEARCH)}
    if missing:
        raise HostError(
            f"programs are missing on this host: {', '.join(sorted(missing))}",
            code="LAB-HOST-200",
            hint=f"sudo apt-get install {' '.join(sorted(set(missing.values())))}",
        )
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if free < NEEDED_BYTES:
        raise HostError(
            f"building takes {NEEDED_BYTES >> 30} GiB, and {cache} has {free / (1 << 30):.1f} GiB left",
            code="LAB-HOST-207",
            hint="Make room (perhaps: python -m rehearsal clean), or let XDG_CACHE_HOME name another disk.",
        )
