"""What this host must have before anything is built."""

from __future__ import annotations

import os
import shutil

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

AS_ORDINARY_USER = {"newuidmap": "uidmap", "unshare": "util-linux"}

# An ordinary user's PATH has no sbin.
_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def check() -> None:
    """Make sure that all programs are there.

    Raises:
        HostError: some are missing; the hint names their packages.
    """
    wanted = PROGRAMS if os.geteuid() == 0 else {**PROGRAMS, **AS_ORDINARY_USER}
    missing = {name: package for name, package in wanted.items() if not shutil.which(name, path=_SEARCH)}
    if missing:
        raise HostError(
            f"programs are missing on this host: {', '.join(sorted(missing))}",
            code="LAB-HOST-200",
            hint=f"sudo apt-get install {' '.join(sorted(set(missing.values())))}",
        )
