"""Packs a lab that is ready as a box, which others bring up in minutes."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from lab.config import Settings
from lab.editions.baked import IMAGE, INFO, SCHEMA, baked_name
from lab.editions.bundle import sha256_of
from lab.errors import HostError, UsageError, VMError
from lab.plan.lockfile import make_lock
from lab.plan.login import log_in
from lab.plan.recovery import MACHINE_TASKS, Ways, existing, wake_machine
from lab.plan.script import Script
from lab.plan.wake import count_applications
from lab.probes.model import Status
from lab.probes.versions import Versions, read_versions
from lab.report.events import Notice
from lab.report.tasks import Tasks
from lab.transport.base import Transport
from lab.vm.disk import gib, require_space
from lab.vm.states import RUNNING

SEAL = "seal"
SEAL_SECONDS = 600.0
"""For the script, which hands all that is free on the disk back to the host."""

TASKS = 6


class Packer(Protocol):
    """Makes a box of a disk; `lab.vm.packing` is one."""

    def pack_image(self, disk: Path, image: Path) -> int:
        """Copy a disk into one compressed image, and return its size as the machine sees it, in GiB."""
        ...

    def write_box(self, target: Path, image: Path, *, virtual_gib: int, texts: Mapping[str, str]) -> None:
        """Write the archive, with small files in front."""
        ...


class Baking:
    """Carries `bake` out on a lab whose lock the caller holds."""

    def __init__(
        self,
        settings: Settings,
        ways: Ways,
        tasks: Callable[[str, int], Tasks],
        packer: Packer,
        *,
        taken: Callable[[Path], int],
    ) -> None:
        """Prepare, without doing anything yet.

        Args:
            settings: The lab.
            ways: The ways out.
            tasks: Makes the tasks of a command from what is typed for it, and their number.
            packer: Makes a box of a disk.
            taken: Returns the bytes that a disk takes on the host.
        """
        self._settings = settings
        self._ways = ways
        self._make_tasks = tasks
        self._packer = packer
        self._taken = taken

    def bake(self, target: Path, *, force: bool = False, stay_off: bool = False) -> str:
        """Pack the lab, and return a sentence about the box.

        Args:
            target: The file to write.
            force: Whether one that is there is replaced.
            stay_off: Whether the machine is left off.

        Raises:
            UsageError: The file cannot be written, or is there already.
            LabError: The lab is not ready, or cannot be packed here.
            HostError: There is not enough room.
        """
        # It may be off because this was interrupted before.
        off = existing(self._settings, self._ways) != RUNNING
        disk = self._check(target, force=force)
        wakes = (1 if off else 0) + (0 if stay_off else 1)
        flags = [flag for flag, on in (("--force", force), ("--halt", stay_off)) if on]
        tasks = self._make_tasks(shlex.join(["bake", str(target), *flags]), TASKS + wakes * MACHINE_TASKS)
        if off:
            wake_machine(self._settings, self._ways, tasks, expect_ready=True)
        status, versions = self._look(tasks)
        with tasks.task("vm-halt", "Shut the virtual machine down"):
            self._ways.machine.halt()
        try:
            size = self._pack(tasks, disk, target, status, versions)
        except BaseException:
            tasks.emit(Notice("The VM is off; `up` and `bake` start it."))
            raise
        packed = f"packed '{target}': {count_applications(status)}, {gib(size)}"
        if stay_off:
            return f"{packed}. The VM is off."
        found = wake_machine(self._settings, self._ways, tasks, expect_ready=True)
        return f"{packed}. The lab is {found.sentence}"

    def _check(self, target: Path, *, force: bool) -> Path:
        """Return the machine's disk, if all is as it has to be."""
        if self._settings.provider != "libvirt":
            raise HostError(
                f"A lab on {self._settings.provider} cannot be packed yet: only one on libvirt can.",
                code="LAB-BAKE-005",
                hint="Vagrant itself packs such a VM, without what makes a copy of it safe: vagrant package",
            )
        if not target.parent.is_dir():
            raise UsageError(
                f"There is no directory '{target.parent}'.",
                code="LAB-BAKE-006",
                hint="Make it, or name another file.",
            )
        if target.exists() and not force:
            raise UsageError(
                f"There is '{target}' already.",
                code="LAB-BAKE-007",
                hint="Name another file, or replace it with --force.",
            )
        disk = self._ways.disk()
        if disk is None:
            raise VMError(
                "It is not known which image is the disk of this VM.",
                code="LAB-BAKE-008",
                hint="'python -m lab halt' and then 'python -m lab up' write it down again.",
            )
        # The image and the archive with it; what is not compressed by half has to be large already.
        require_space(
            target.parent, self._taken(disk), "The box", hint="Make room, or name a file elsewhere."
        )
        return disk

    def _look(self, tasks: Tasks) -> tuple[Status, Versions]:
        """See that the lab is ready and which versions it has, and make its copies machines of their own."""
        with closing(log_in(tasks, self._ways.connect, self._settings)) as transport:
            with tasks.task("verify", "Look at every layer"):
                status = self._ways.look(transport)
                if not status.ready:
                    raise VMError(
                        f"The lab is not ready ({status.trouble.partition(chr(10))[0]}).",
                        code="LAB-BAKE-009",
                        hint="Bring it up first: python -m lab up",
                    )
                versions = make_lock(read_versions(transport, self._settings), self._settings)
            self._seal(transport, tasks)
        return status, versions

    def _seal(self, transport: Transport, tasks: Tasks) -> None:
        with tasks.task(SEAL, "Let copies become machines of their own") as task:
            script = Script(SEAL, task, tasks.emit)
            if script.run(transport, "apply", timeout=SEAL_SECONDS) != 0:
                raise VMError(
                    script.error or f"{SEAL}.sh ended with exit code {script.returncode}.",
                    code="LAB-BAKE-010",
                    hint=script.advice("Its log has the reason: python -m lab logs seal"),
                )

    def _pack(self, tasks: Tasks, disk: Path, target: Path, status: Status, versions: Versions) -> int:
        # In one place whatever becomes of this process, so that the next one clears it away.
        work = target.with_name(f".{target.name}.part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            image, box = work / IMAGE, work / "box"
            with tasks.task("pack", "Compress the disk"):
                virtual_gib = self._packer.pack_image(disk, image)
            with tasks.task("write-box", "Write the box"):
                info = self._info(image, status, versions)
                self._packer.write_box(box, image, virtual_gib=virtual_gib, texts={INFO: info})
                size = box.stat().st_size
                box.replace(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return size

    def _info(self, image: Path, status: Status, versions: Versions) -> str:
        digest, edition = sha256_of(image), self._settings.edition.name
        info = {
            "schema": SCHEMA,
            "name": baked_name(edition, digest),
            "edition": edition,
            "created": self._ways.now().isoformat(timespec="seconds"),
            "contents": count_applications(status),
            "image": {"sha256": digest, "size": image.stat().st_size},
            "versions": versions,
        }
        return json.dumps(info, indent=2) + "\n"
