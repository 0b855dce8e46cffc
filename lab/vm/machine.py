"""One lab's virtual machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.config import Settings
from lab.errors import VMError
from lab.files import replace_file
from lab.process import Runner, run
from lab.transport.target import SSHTarget, pinned
from lab.vm.states import NOT_CREATED, RUNNING


class Machine:
    """Makes, starts, stops and removes the machine that the Vagrantfile describes.

    Vagrant only looks after the machine: the documented steps are not its provisioners here.

    Args:
        settings: the lab.
        runner: runs a program on the host.
        sleep: waits so many seconds.
    """

    def __init__(
        self, settings: Settings, *, runner: Runner = run, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._sleep = sleep
        data = settings.root / ".vagrant" / "machines" / settings.name / settings.provider
        self._id_file = data / "id"
        self._private_key = data / "private_key"
        self._ssh_config = settings.state_dir / "ssh_config"
        self._known_hosts = settings.state_dir / "known_hosts"
        self._made: Any = None

    def state(self) -> str:
        """Return `running`, `poweroff`, `saved`, `not_created` or another state that Vagrant names."""
        if not self.exists():
            return NOT_CREATED
        if self._answers():
            return RUNNING
        for status in self._vagrant.status(self._settings.name):
            if status.name == self._settings.name and status.state:
                return str(status.state)
        raise VMError("Vagrant does not say what state the machine is in", code="LAB-VM-102", log=self._log)

    def exists(self) -> bool:
        """Whether Vagrant has made the machine; takes no time."""
        return self._id_file.is_file()

    def up(self, on_line: Callable[[str], None] | None = None) -> None:
        """Make the machine if it is not there, start it, and wait until one can log in.

        Args:
            on_line: called with each line in which Vagrant says what it does now.
        """
        with self._vagrant.telling(on_line) as tool:
            tool.up(vm_name=self._settings.name, provider=self._settings.provider, no_provision=True)
        self._write_ssh_config()

    def halt(self, on_line: Callable[[str], None] | None = None) -> None:
        """Shut the machine down; nothing happens to one that does not run.

        Args:
            on_line: called with each line in which Vagrant says what it does now; `SWITCHED_OFF` if the
                machine did not shut down by itself in time.
        """
        if self.exists():
            with self._vagrant.telling(on_line) as tool:
                tool.halt(self._settings.name)

    def suspend(self, on_line: Callable[[str], None] | None = None) -> None:
        """Write the machine's memory to a file and end it; `up` goes on with it."""
        with self._vagrant.telling(on_line) as tool:
            tool.suspend(self._settings.name)

    def reboot(self, on_line: Callable[[str], None] | None = None) -> None:
        """Shut the machine down, start it again, and wait until one can log in."""
        with self._vagrant.telling(on_line) as tool:
            tool.reload(vm_name=self._settings.name, provision=False)

    def destroy(self) -> None:
        """Remove the machine with its disk; nothing happens if there is none."""
        # Also of one that was only begun: Vagrant finds what there is of it (lab/vm/remains.rb).
        if self._id_file.parent.is_dir():
            self._vagrant.destroy(self._settings.name)
        for name in ("ssh_config", "ports.json"):
            (self._settings.state_dir / name).unlink(missing_ok=True)

    def ssh_target(self) -> SSHTarget:
        """Return how to log in; the same is in the file `ssh_config` of the lab's state.

        Raises:
            VMError: there is no machine.
        """
        if not self.exists():
            raise VMError(
                f"the lab '{self._settings.name}' has no machine",
                code="LAB-VM-103",
                hint="Make it: python -m lab up",
            )
        try:
            # Vagrant takes more than a second to say what changes only with the machine.
            if self._ssh_config.stat().st_mtime >= self._changed():
                target = SSHTarget.from_ssh_config(self._ssh_config)
                if target.key_file.is_file() and target.known_hosts == self._known_hosts:
                    return target
        except (FileNotFoundError, ValueError):
            pass
        return self._write_ssh_config()

    def _changed(self) -> float:
        """Return when the machine, or the key for it, was made.

        A Vagrant whose lab was killed goes on by itself, and changes the key after others have logged in.
        """
        # Of a link its own time counts: the key that it leads to is kept elsewhere.
        made = [path for path in (self._id_file, self._private_key) if path.is_symlink() or path.exists()]
        return max(path.lstat().st_mtime for path in made)

    def _write_ssh_config(self) -> SSHTarget:
        text = pinned(self._vagrant.ssh_config(self._settings.name), self._known_hosts)
        try:
            target = SSHTarget.parse(text)
        except ValueError as error:
            raise VMError(str(error), code="LAB-VM-104", log=self._log) from error
        self._settings.make_state_dir()
        replace_file(self._ssh_config, text)
        return target

    def _answers(self) -> bool:
        """Whether the machine's SSH server answers; Vagrant takes seconds to say that a machine runs.

        One that is off refuses at once.
        """
        try:
            target = SSHTarget.from_ssh_config(self._ssh_config)
            with socket.create_connection((target.host, target.port), timeout=8) as connection:
                return connection.recv(4) == b"SSH-"
        except (OSError, ValueError):
            return False

    @property
    def _log(self) -> Path:
        return self._settings.state_dir / "vagrant.log"

    @property
    def _vagrant(self) -> Any:
        """The `LabVagrant`, whose library takes its time to import and has no types."""
        if self._made is None:
            from lab.vm.vagrant import make_vagrant

            self._made = make_vagrant(self._settings, self._runner, sleep=self._sleep)
        return self._made
