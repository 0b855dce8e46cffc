"""Packs a lab that is ready as a box, which others bring up in minutes."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from lab.config import Settings
from lab.editions.baked import IMAGE, INFO, SCHEMA, baked_name, require_libvirt
from lab.editions.bundle import sha256_of
from lab.errors import UsageError, VMError
from lab.files import replace_file
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
from lab.vm.states import RUNNING, SWITCHED_OFF

SEAL = "seal"
SEAL_SECONDS = 600.0
"""For the script, which hands all that is free on the disk back to the host."""

TASKS = 6
WORK_NOTE = "baking"
"""In the lab's state: where a box is being written."""


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
        work = self._make_room(target)
        try:
            return self._bake(disk, work, target, off=off, force=force, stay_off=stay_off)
        finally:
            self._clear_away()

    def _bake(self, disk: Path, work: Path, target: Path, *, off: bool, force: bool, stay_off: bool) -> str:
        wakes = (1 if off else 0) + (0 if stay_off else 1)
        flags = [flag for flag, on in (("--force", force), ("--halt", stay_off)) if on]
        tasks = self._make_tasks(shlex.join(["bake", str(target), *flags]), TASKS + wakes * MACHINE_TASKS)
        if off:
            wake_machine(self._settings, self._ways, tasks, expect_ready=True)
        status, versions = self._look(tasks)
        self._halt(tasks)
        try:
            size = self._pack(tasks, disk, work, target, self._manifest(status, versions), force=force)
        except BaseException:
            tasks.emit(Notice("The VM is off; `up` and `bake` start it."))
            raise
        packed = f"packed '{target}': {count_applications(status)}, {gib(size)}"
        if stay_off:
            return f"{packed}; the VM is off"
        # Whatever becomes of the lab, the box is whole.
        tasks.emit(Notice(f"{packed}."))
        return f"found {wake_machine(self._settings, self._ways, tasks, expect_ready=True).sentence}"

    def _check(self, target: Path, *, force: bool) -> Path:
        """Return the machine's disk, if all is as it has to be."""
        require_libvirt(self._settings.provider)
        if target.is_dir():
            raise _no_place(target, "it is a directory")
        _require_free(target, force=force)
        disk = self._ways.disk()
        if disk is None:
            raise VMError(
                "It is not known which image is the disk of this VM.",
                code="LAB-BAKE-008",
                hint="'python -m lab halt' and then 'python -m lab up' write it down again.",
            )
        # There are the image and the archive for a moment. Together they take what the disk does, if it can
        # be compressed by half; the disk of a lab that was made from a box is so already.
        needed = self._taken(disk) * (1 if self._settings.box is None else 2)
        if target.parent.is_dir():
            require_space(target.parent, needed, "The box", hint="Make room, or name a file elsewhere.")
        return disk

    def _make_room(self, target: Path) -> Path:
        """Make a directory beside the box, so that it is moved to its place in an instant."""
        self._clear_away()
        try:
            work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        except OSError as error:
            raise _no_place(target, error.strerror or str(error)) from error
        # Whatever becomes of this process, the next one clears it away.
        replace_file(self._note, str(work))
        return work

    def _clear_away(self) -> None:
        try:
            shutil.rmtree(self._note.read_text(encoding="utf-8"), ignore_errors=True)
        except FileNotFoundError:
            return
        self._note.unlink()

    @property
    def _note(self) -> Path:
        return self._settings.make_state_dir() / WORK_NOTE

    def _halt(self, tasks: Tasks) -> None:
        with tasks.task("vm-halt", "Shut the virtual machine down") as task:

            def hear(line: str) -> None:
                task.waiting(line)
                if line == SWITCHED_OFF:
                    tasks.emit(Notice("The VM did not shut down in time, and was switched off."))

            self._ways.machine.halt(on_line=hear)

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

    def _pack(
        self, tasks: Tasks, disk: Path, work: Path, target: Path, manifest: dict[str, object], *, force: bool
    ) -> int:
        image, box = work / IMAGE, work / "box"
        with tasks.task("pack", "Compress the disk"):
            virtual_gib = self._packer.pack_image(disk, image)
        with tasks.task("write-box", "Write the box"):
            digest = sha256_of(image)
            about = {"sha256": digest, "size": image.stat().st_size}
            info = {**manifest, "name": baked_name(self._settings.edition.name, digest), "image": about}
            texts = {INFO: json.dumps(info, indent=2) + "\n"}
            self._packer.write_box(box, image, virtual_gib=virtual_gib, texts=texts)
            _require_free(target, force=force)
            box.replace(target)
        return target.stat().st_size

    def _manifest(self, status: Status, versions: Versions) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "edition": self._settings.edition.name,
            "created": self._ways.now().isoformat(timespec="seconds"),
            "contents": count_applications(status),
            "versions": versions,
        }


def _require_free(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise UsageError(
            f"There is '{target}' already.",
            code="LAB-BAKE-007",
            hint="Name another file, or replace it with --force.",
        )


def _no_place(target: Path, reason: str) -> UsageError:
    return UsageError(
        f"The box cannot be written as '{target}': {reason}.",
        code="LAB-BAKE-006",
        hint="Name a file in a directory that is there and that you may write to.",
    )
