"""The Vagrant box: a Debian 12 for QEMU, made of Debian's packages alone.

No loop device, no mount and no grub-install: the file system is written straight into its partition, and
GRUB's parts are taken from inside the new system. So it works for root and for an ordinary user alike.
"""

from __future__ import annotations

import json
import shutil
import struct
import tarfile
from pathlib import Path

from lab.errors import HostError
from lab.vm.accelerator import probe
from rehearsal import rootfs, snaps
from rehearsal.cache import digest_file, digest_tree
from rehearsal.docker_archive import normalised
from rehearsal.python_cache import copy_sources
from rehearsal.recipe import SOURCES, Job, Recipe, as_root, words

BOX = SOURCES / "box"
FILE = "rehearsal.box"
DISK_GIB = 20
SECTOR = 512
FIRST_SECTOR = 2048
BAKED = "lab-bake: done"
BAKE_DEADLINE = 900.0

_MODES = {"etc/sudoers.d/vagrant": 0o440}
_RUN_IN_GUEST = ("usr/local/sbin/*",)


def recipe() -> Recipe:
    """Return the recipe of the box."""
    inputs = {
        "recipe": digest_file(Path(__file__)),
        "rootfs": digest_file(Path(rootfs.__file__)),
        "snaps": " ".join(snaps.COMPRESSION),
        "sources": digest_tree(BOX),
        "disk": f"{DISK_GIB} GiB",
    }
    return Recipe("box", "Vagrant box from Debian's packages", inputs, _make)


def _make(job: Job) -> None:
    system = rootfs.make(job, rootfs.read_list(BOX / "packages.txt"), _overlay(job))
    job.say("writing the disk")
    disk = _write_disk(job, system)
    job.say("booting it once, so that no lab has to wait for a first boot")
    _bake(job, disk)
    job.say("packing")
    image = job.work / "box.img"
    job.run(
        [*words("qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd -m 4 -W"), disk, image],
        timeout=600,
    )
    _write_box(job.out / FILE, image)


def _overlay(job: Job) -> Path:
    """Pack what is laid over Debian: configuration, and the base snaps' stand-ins."""
    files = job.work / "files"
    shutil.copytree(BOX / "files", files)
    for pattern in _RUN_IN_GUEST:
        for program in files.glob(pattern):
            program.chmod(0o755)
    build = files / rootfs.BUILD
    build.mkdir()
    for name in ("customize.sh", "vagrant.pub"):
        shutil.copy(BOX / name, build)
    for tree in sorted((BOX / "base-snaps").iterdir()):
        snaps.pack(job, copy_sources(tree, job.work / tree.name), build / f"{tree.name}.snap")
    return rootfs.overlay(files, job.work / "overlay.tar", _MODES)


def _write_disk(job: Job, system: Path) -> Path:
    """Write a bootable disk with the root file system and return it."""
    root, disk = job.work / "root", job.work / "disk.raw"
    root.mkdir()
    with disk.open("wb") as file:
        file.truncate(DISK_GIB << 30)
    size = f"{DISK_GIB * 1024 - 1}M"
    job.run(
        as_root(
            ["bash", BOX / "mkfs.sh", root, system, disk, str(FIRST_SECTOR * SECTOR), size, rootfs.BUILD]
        ),
        timeout=600,
    )
    boot, core = (job.work / name for name in ("lab-boot.img", "lab-core.img"))
    with disk.open("r+b") as file:
        file.write(boot_sectors(boot.read_bytes(), core.read_bytes(), DISK_GIB << 30))
    return disk


def boot_sectors(boot: bytes, core: bytes, disk_bytes: int) -> bytes:
    """Return the sectors in front of the partition: GRUB's first part, one partition, GRUB's second part."""
    if len(core) > (FIRST_SECTOR - 1) * SECTOR:
        raise ValueError(f"GRUB's core image has {len(core)} bytes: too many to fit before the partition")
    # The place in the core image that says where its own second sector is; sector 2 is right as it stands.
    if struct.unpack_from("<Q", core, SECTOR - 12)[0] != 2:
        raise ValueError("GRUB's core image does not expect to be at sector 1")
    sectors = disk_bytes // SECTOR - FIRST_SECTOR
    anywhere = b"\xfe\xff\xff"  # cylinder, head and sector, which nothing has read for decades
    partition = struct.pack("<B3sB3sII", 0x80, anywhere, 0x83, anywhere, FIRST_SECTOR, sectors)
    return boot[:440] + b"LAB1\0\0" + partition + bytes(48) + b"\x55\xaa" + core


def _bake(job: Job, disk: Path) -> None:
    """Boot the disk once under QEMU; a service in it does the first boot's work, then switches it off."""
    accelerated = probe(job.runner).driver == "kvm"
    accelerator = "-accel kvm -cpu host" if accelerated else "-accel tcg,thread=multi -cpu max"
    said: list[str] = []
    job.run(
        [
            *words(f"qemu-system-x86_64 {accelerator} -smp 2 -m 2048 -nodefaults -no-reboot"),
            *words("-display none -serial stdio -device virtio-rng-pci"),
            *words("-netdev user,id=net,restrict=on -device virtio-net-pci,netdev=net"),
            "-drive",
            f"file={disk},format=raw,if=virtio,cache=unsafe,discard=unmap,detect-zeroes=unmap",
        ],
        timeout=BAKE_DEADLINE,
        on_line=said.append,
        hint="The log holds the machine's console.",
    )
    if not any(BAKED in line for line in said):
        raise HostError(
            "the new machine booted, but did not finish its first boot:\n" + "\n".join(said[-10:]),
            code="LAB-HOST-220",
            hint="The log holds the machine's console.",
            log=job.log,
        )


def _write_box(target: Path, image: Path) -> None:
    """Write the archive that `vagrant box add` takes."""
    metadata = image.with_name("metadata.json")
    about = {"provider": "libvirt", "format": "qcow2", "virtual_size": DISK_GIB}
    metadata.write_text(json.dumps(about) + "\n", encoding="utf-8")
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in (metadata, BOX / "Vagrantfile", image):
            member = normalised(tar.gettarinfo(path), path.name)
            member.uid = member.gid = 0
            member.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)
