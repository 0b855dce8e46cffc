"""The commands that take a lab through time: snapshots, suspend, resume, heal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from lab.config import Settings
from lab.errors import HostError, UsageError, VMError
from lab.plan.bringup import fetch_access
from lab.plan.checkpoints import Checkpoint, Checkpoints, check_name, find_name
from lab.plan.clock import set_clock
from lab.plan.login import log_in
from lab.plan.wake import WAKE_TASKS, Found, count_applications, wake
from lab.probes.model import Status
from lab.report.tasks import Tasks
from lab.transport.base import Transport
from lab.vm.disk import require_space
from lab.vm.states import NOT_CREATED, RUNNING, SAVED

MACHINE_TASKS = 3 + WAKE_TASKS
"""Of `wake_machine`."""

OnLine = Callable[[str], None] | None


class Suspendable(Protocol):
    """What is asked of a machine; `lab.vm.machine.Machine` is one."""

    def state(self) -> str:
        """Return its state, such as ``running``."""
        ...

    def up(self, on_line: OnLine = None) -> None:
        """Start it, or let it go on if it was suspended."""
        ...

    def suspend(self, on_line: OnLine = None) -> None:
        """Write its memory to a file and end it."""
        ...

    def halt(self, on_line: OnLine = None) -> None:
        """Shut it down."""
        ...


class Shelf(Protocol):
    """A machine's snapshots; `lab.vm.snapshots.Snapshots` is one."""

    def names(self) -> list[str]:
        """Return the names of all."""
        ...

    def save(self, name: str, *, force: bool = False, on_line: OnLine = None) -> None:
        """Save one."""
        ...

    def restore(self, name: str, on_line: OnLine = None) -> None:
        """Put the machine back."""
        ...

    def delete(self, name: str, on_line: OnLine = None) -> None:
        """Remove one."""
        ...


@dataclass(frozen=True)
class Ways:
    """The ways out of this process, so that tests can stand in their place.

    Attributes:
        machine: The lab's virtual machine.
        snapshots: Its snapshots.
        connect: Logs in to it.
        look: Finds out the state of every layer.
        disk: Returns the image that is the machine's disk, if it is known.
        sizes: Returns the bytes of memory in each snapshot of a disk.
        now: The time.
    """

    machine: Suspendable
    snapshots: Shelf
    connect: Callable[[], Transport]
    look: Callable[[Transport], Status]
    disk: Callable[[], Path | None]
    sizes: Callable[[Path], dict[str, int]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Recovery:
    """Carries one of these commands out on a lab whose lock the caller holds."""

    def __init__(self, settings: Settings, ways: Ways, tasks: Callable[[str, int], Tasks]) -> None:
        """Prepare, without doing anything yet.

        Args:
            settings: The lab.
            ways: The ways out.
            tasks: Makes the tasks of a command from what is typed for it, and their number.
        """
        self._settings = settings
        self._ways = ways
        self._make_tasks = tasks
        self._state_dir = settings.make_state_dir()
        self._checkpoints = Checkpoints(self._state_dir)

    def save(self, name: str, *, force: bool = False) -> str:
        """Save a snapshot of the machine as it is, and return a sentence about it.

        Args:
            name: Its name.
            force: Whether one of that name is replaced.

        Raises:
            UsageError: The name will not do, or is taken.
            HostError: There is not enough room on the disk.
        """
        check_name(name)
        state = self._existing()
        if state == SAVED:
            raise VMError(
                "The lab is suspended, or a Vagrant whose lab was killed still saves it.",
                code="LAB-SNAP-003",
                hint="python -m lab resume - waits for that Vagrant, if there is one; then it can be saved",
            )
        if not force and name in self._ways.snapshots.names():
            raise UsageError(
                f"There is a snapshot '{name}' already.",
                code="LAB-SNAP-004",
                hint=f"Take another name, or replace it: python -m lab snapshot save {name} --force",
            )
        running = state == RUNNING
        self._require_space(
            "The snapshot",
            running,
            "Remove one: python -m lab snapshot list. A lab that is off takes next to nothing.",
        )
        tasks = self._make_tasks(f"snapshot save {name}", 3 if running else 1)
        status = None
        if running:
            with tasks.task("verify", "Look at every layer"), closing(self._ways.connect()) as transport:
                status = self._ways.look(transport)
        with tasks.task("save", f"Save the machine as '{name}'") as task:
            self._ways.snapshots.save(name, force=force, on_line=task.waiting)
            checkpoint = self._describe(name, running, status)
            self._checkpoints.save(checkpoint)
        if running:
            # It stood still meanwhile.
            with tasks.task("clock", "Set the clock"), closing(self._ways.connect()) as transport:
                set_clock(transport)
        return f"saved '{name}' {'ready' if checkpoint.ready else 'as it is'}: {checkpoint.contents}"

    def restore(self, name: str) -> str:
        """Put the lab back to a snapshot, and return a sentence about how it was found.

        Raises:
            UsageError: There is no such snapshot.
            LabError: It was saved ready, and did not get ready.
        """
        state = self._existing()
        find_name(name, self._ways.snapshots.names())
        checkpoint = self._checkpoints.get(name)
        tasks = self._make_tasks(f"snapshot restore {name}", 1 + MACHINE_TASKS)
        started = tasks.clock()
        with tasks.task("restore", f"Put the machine back to '{name}'") as task:
            if state == SAVED:
                # libvirt would keep the memory of the one that sleeps, and mix it with this disk later.
                self._ways.machine.up(on_line=task.waiting)
            self._ways.snapshots.restore(name, on_line=task.waiting)
            self._checkpoints.put_back(name)
        found = self._wake(tasks, expect_ready=checkpoint.ready is True)
        return f"restored {self._say(found, tasks.clock() - started)}"

    def delete(self, name: str) -> str:
        """Remove a snapshot, and return a sentence about it.

        Raises:
            UsageError: There is no such snapshot.
        """
        self._existing()
        find_name(name, self._ways.snapshots.names())
        with self._make_tasks(f"snapshot delete {name}", 1).task("delete", f"Remove '{name}'") as task:
            self._ways.snapshots.delete(name, on_line=task.waiting)
            self._checkpoints.forget(name)
        return f"removed '{name}'"

    def suspend(self) -> str:
        """Write the machine's memory to a file and end it, and return a sentence about it."""
        state = self._existing()
        if state != RUNNING:
            raise VMError(
                "The lab is suspended already."
                if state == SAVED
                else "The lab is off, so it cannot be suspended.",
                code="LAB-SNAP-005",
                hint="This lets it go on: python -m lab resume",
            )
        self._require_space(
            "The machine's memory", True, "Make room, or shut it down instead: python -m lab halt"
        )
        with self._make_tasks("suspend", 1).task("suspend", "Write the machine's memory to the disk") as task:
            self._ways.machine.suspend(on_line=task.waiting)
        return "suspended: it takes neither processor nor memory now"

    def resume(self, command: str = "resume") -> str:
        """Let the lab go on, or start it if it is off, and return a sentence about how it was found.

        Raises:
            LabError: It did not get ready.
        """
        self._existing()
        tasks = self._make_tasks(command, MACHINE_TASKS)
        started = tasks.clock()
        found = self._wake(tasks, expect_ready=True)
        word = (
            "healed" if command == "heal" and found.actions else "resumed" if command == "resume" else "found"
        )
        return f"{word} {self._say(found, tasks.clock() - started)}"

    def heal(self) -> str:
        """Mend what is stuck, and return a sentence about what was found."""
        return self.resume("heal")

    def _wake(self, tasks: Tasks, *, expect_ready: bool) -> Found:
        return wake_machine(self._settings, self._ways, tasks, expect_ready=expect_ready)

    def _existing(self) -> str:
        return existing(self._settings, self._ways)

    def _require_space(self, what: str, memory: bool, hint: str) -> None:
        disk = self._ways.disk()
        if disk is not None:
            needed = self._settings.memory_mib << 20 if memory else 0
            require_space(disk.parent, needed, what, hint=hint)

    def _describe(self, name: str, running: bool, status: Status | None) -> Checkpoint:
        disk = self._ways.disk()
        size = self._ways.sizes(disk).get(name) if disk is not None else None
        contents, ready, trouble = "the VM is off", None, ""
        if status is not None:
            contents, ready = count_applications(status), status.ready
            # A program's words may be many lines.
            trouble = status.trouble.partition("\n")[0]
        return Checkpoint(
            name=name,
            created=self._ways.now().isoformat(timespec="seconds"),
            edition=self._settings.edition.name,
            machine="running" if running else "off",
            ready=ready,
            trouble=trouble,
            contents=contents,
            size=size,
        )

    @staticmethod
    def _say(found: Found, seconds: float) -> str:
        return f"{found.sentence}, {seconds:.0f} s"


def existing(settings: Settings, ways: Ways) -> str:
    """Return the state of a machine that is there.

    Raises:
        VMError: There is none.
    """
    state = ways.machine.state()
    if state == NOT_CREATED:
        raise VMError(
            f"The lab '{settings.name}' has no VM.", code="LAB-SNAP-006", hint="Make it: python -m lab up"
        )
    return state


def wake_machine(settings: Settings, ways: Ways, tasks: Tasks, *, expect_ready: bool) -> Found:
    """Start the machine if need be, and see to all that it needs then: six tasks.

    Args:
        settings: The lab.
        ways: The ways out.
        tasks: The command's tasks.
        expect_ready: Whether a lab that is not ready afterwards is an error.

    Raises:
        LabError: The lab did not get ready.
    """
    state_dir = settings.make_state_dir()
    with tasks.task("vm", "Start the virtual machine") as task:
        before = ways.machine.state()
        if before == RUNNING:
            task.outcome = "satisfied"
        else:
            ways.machine.up(on_line=task.waiting)
    with closing(log_in(tasks, ways.connect, settings)) as transport:
        found = wake(
            transport, tasks, state_dir / "logs", ways.look, before=before, expect_ready=expect_ready
        )
        with tasks.task("fetch", "Fetch kubeconfig and credentials") as task:
            try:
                fetch_access(transport, settings)
            except HostError:
                # A lab that was saved before it had one.
                (state_dir / "kubeconfig").unlink(missing_ok=True)
                task.outcome = "satisfied"
    return found


def list_checkpoints(settings: Settings, ways: Ways) -> list[Checkpoint]:
    """Return all snapshots that the machine has, oldest first."""
    if ways.machine.state() == NOT_CREATED:
        return []
    checkpoints = Checkpoints(settings.state_dir)
    found = [checkpoints.get(name) for name in ways.snapshots.names()]
    return sorted(found, key=lambda checkpoint: (checkpoint.created, checkpoint.name))
