"""Free disk space where the lab writes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.config import Settings, cache_dir
from lab.probes.host.finding import DISK, Finding

GIB = 1024**3


@dataclass(frozen=True)
class Place:
    """A directory, or one yet to be made, that the lab writes to.

    Attributes:
        what: What is kept there.
        least: Bytes without which it does not work.
        wish: Bytes without which it may not work for long.
    """

    what: str
    path: Path
    least: int
    wish: int


@dataclass(frozen=True)
class Space:
    """The file system that a directory is on, and the bytes a user may still write to it."""

    device: int
    mount: Path
    free: int


def read_space(path: Path) -> Space:
    """Return where a directory is, or would be made."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    device = there.stat().st_dev
    mount = there.resolve()
    while mount.parent != mount and mount.parent.stat().st_dev == device:
        mount = mount.parent
    return Space(device, mount, shutil.disk_usage(there).free)


def places(settings: Settings, environ: Mapping[str, str], *, created: bool) -> list[Place]:
    """Return where this lab writes, and how much.

    Args:
        settings: The lab.
        environ: The environment.
        created: Whether its VM is there and so has most of its disk already.
    """
    home = Path(environ.get("HOME") or Path.home())
    if created:
        image_least, image_wish, box = GIB, 5 * GIB, 0
    else:
        image_least, image_wish = settings.edition.host.free_disk_gib * GIB, settings.disk_gib * GIB
        box = GIB
    if not created and settings.box is not None and settings.box.is_file():
        # Vagrant copies the archive and unpacks the copy; libvirt has another one.
        size = settings.box.stat().st_size
        box, image_least, image_wish = 2 * size, image_least + size, image_wish + size
    return [
        Place("images of VMs", image_dir(settings.provider, home), image_least, image_wish),
        Place("boxes of Vagrant", vagrant_home(environ), box, box),
        Place("checkout", settings.root, GIB // 10, GIB),
        Place("cache", cache_dir(), 0, GIB // 10),
    ]


def vagrant_home(environ: Mapping[str, str]) -> Path:
    """Return where Vagrant keeps its boxes."""
    return Path(environ.get("VAGRANT_HOME") or Path(environ.get("HOME") or Path.home()) / ".vagrant.d")


def image_dir(provider: str, home: Path) -> Path:
    """Return where disks of VMs are kept: libvirt's pool `default`, or VirtualBox's folder."""
    if provider == "virtualbox":
        return home / "VirtualBox VMs"
    try:
        pool = (home / ".config/libvirt/storage/default.xml").read_text(encoding="utf-8")
    except OSError:
        pool = ""
    path = re.search(r"<path>(.+?)</path>", pool)
    return Path(path[1]) if path else home / ".local/share/libvirt/images"


def disk(places: Sequence[Place], read: Callable[[Path], Space] = read_space) -> Iterator[Finding]:
    """Compare the free space of each file system with all that will be written to it."""
    spaces: dict[int, tuple[Space, list[Place]]] = {}
    for place in places:
        space = read(place.path)
        spaces.setdefault(space.device, (space, []))[1].append(place)
    for space, here in spaces.values():
        least, wish = sum(place.least for place in here), sum(place.wish for place in here)
        names = ", ".join(f"{place.what} in {place.path}" for place in here)
        found = f"{_size(space.free)} free on {space.mount} ({names}); "
        identity = "-".join(["disk", here[0].what.split()[0]])
        if space.free < least:
            yield DISK.failure(
                identity,
                f"{_size(space.free)} are free on {space.mount}, and {_size(least)} needed: {names}",
                f"Make room on {space.mount}; docs/doctor.md tells how to keep things elsewhere.",
                code="LAB-HOST-122",
            )
        elif space.free < wish:
            yield DISK.warning(
                identity,
                f"{found}{_size(wish)} may be needed in time",
                f"Keep an eye on {space.mount}, or make room: a full disk stops the VM.",
            )
        else:
            yield DISK.ok(identity, f"{found}{_size(least)} needed")


def writable(path: Path) -> bool:
    """Whether this user may write to a directory, or to the nearest one above it that is there."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    return os.access(there, os.W_OK | os.X_OK)


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 1024**2:.0f} MiB"
