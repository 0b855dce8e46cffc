"""Packs the disk of a machine that is off as a box for Vagrant."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lab.process import Runner, run

CONVERT_SECONDS = 3600.0
INFO_SECONDS = 60.0


def pack_image(disk: Path, image: Path, *, runner: Runner = run) -> int:
    """Copy a disk, with all that it is built upon, into one compressed image.

    Args:
        disk: The image that is the machine's disk. The machine must be off.
        image: The file to write.
        runner: Runs a program on the host.

    Returns:
        The size of the disk as the machine sees it, in GiB, rounded up.

    Raises:
        ProcessError: QEMU's tool failed, as when the host's disk is full.
    """
    # --force-share: one whose lab was killed goes on by itself, and must not keep the machine from starting.
    convert = ["qemu-img", "convert", "--force-share", "-O", "qcow2", "-c", "-o", "compression_type=zstd"]
    runner([*convert, str(disk), str(image)], timeout=CONVERT_SECONDS).check(
        hint="Is the disk full? 'df -h' tells."
    )
    told = runner(["qemu-img", "info", "--output=json", str(image)], timeout=INFO_SECONDS).check().stdout
    return -(-int(json.loads(told)["virtual-size"]) // 2**30)


def write_box(target: Path, image: Path, *, virtual_gib: int, texts: Mapping[str, str]) -> None:
    """Write the archive that `vagrant box add` takes (vagrant-libvirt/vagrant-libvirt example_box/README.md).

    Args:
        target: The file to write.
        image: The disk's image; it keeps its name.
        virtual_gib: Its size as the machine sees it, in GiB.
        texts: Small files to go before it, by their names.
    """
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": virtual_gib}
    # Not compressed again: the image is, and so its beginning is read without the rest.
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in {**texts, "metadata.json": json.dumps(metadata) + "\n"}.items():
            data = text.encode()
            member = _member(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        member = _member(image.name)
        member.size = image.stat().st_size
        with image.open("rb") as content:
            tar.addfile(member, content)


def _member(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    return member
