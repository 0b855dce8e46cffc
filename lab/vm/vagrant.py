"""python-vagrant on the lab's runner.

The library's own calls have no deadline and lose what Vagrant says on standard error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import vagrant

from lab.errors import VMError
from lab.process import Result, Runner, last_lines

DEADLINES: Final[Mapping[str, float]] = {
    "up": 3600.0,  # it may download the box
    "reload": 1200.0,
    "halt": 300.0,
    "destroy": 300.0,
}
"""Seconds for the commands that take their time."""

DEADLINE = 60.0
"""Seconds for any other command."""

_KNOWN = (
    (
        r"Could not set up host forwarding rule",
        "Another program has the port. Free it, or make the machine anew with another: python -m lab down, "
        "then set ports.ssh in lab.yaml.",
    ),
    (
        r"cannot set up guest memory|Cannot allocate memory",
        "This computer has too little free memory: set memory_mib in lab.yaml.",
    ),
    (
        r"No space left on device",
        "The disk with the images of libvirt is full (~/.local/share/libvirt/images).",
    ),
    (
        r"locked by another|Vagrant can't use the requested machine because it is locked",
        "Another Vagrant works on this machine; wait until it has ended.",
    ),
    (
        r"Timed out while waiting for the machine to boot",
        "The machine may be very slow: python -m lab up goes on with it.",
    ),
    (
        r"UNIX socket path .* too long",
        "libvirt runs with longer paths: end this user's libvirtd (machines go on) and try again.",
    ),
    (
        r"Failed to connect socket|Connection refused - connect|Call to virConnectOpen failed",
        "libvirt does not start for this user; 'virsh -c qemu:///session list' may say why.",
    ),
    (
        r"The executable .?curl|Couldn't (resolve|open file|connect)|An error occurred while downloading",
        "The box cannot be downloaded: check the network, or use --edition rehearsal, which needs none.",
    ),
)


class LabVagrant(vagrant.Vagrant):
    """Runs Vagrant's commands through a runner: deadline, log, and errors that say what Vagrant said.

    Args:
        root: directory of the Vagrantfile.
        runner: runs a program.
        environment: variables for Vagrant.
        log: file that the output of every command is appended to.
    """

    def __init__(self, root: Path, runner: Runner, environment: Mapping[str, str], log: Path) -> None:
        super().__init__(root=str(root))  # type: ignore[no-untyped-call]  # the library has no types
        self._runner = runner
        self._environment = environment
        self._log = log
        self.on_line: Callable[[str], None] | None = None
        """Called with each line of output of the commands that change something."""

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self._execute(args, self.on_line)

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return self._execute(args, None).stdout

    def _execute(self, args: Sequence[str | None], on_line: Callable[[str], None] | None) -> Result:
        words = [word for word in args if word is not None]
        result = self._runner(
            ["vagrant", *words],
            timeout=DEADLINES.get(words[0], DEADLINE),
            cwd=Path(self.root),
            env=self._environment,
            on_line=on_line,
            log=self._log,
        )
        if result.ok:
            return result
        said = last_lines(result.stderr) or last_lines(result.stdout)
        raise VMError(
            f"'vagrant {words[0]}' failed with exit code {result.returncode}:\n{said}",
            code="LAB-VM-101",
            hint=next((hint for pattern, hint in _KNOWN if re.search(pattern, result.stderr)), ""),
            log=self._log,
        )
