"""python-vagrant on the lab's runner.

The library's own calls have no deadline and lose what Vagrant says on standard error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import vagrant

from lab.config import Settings
from lab.diagnose.known_issues import first
from lab.errors import VMError
from lab.process import Result, Runner
from lab.vm.environment import vagrant_environment

DEADLINES: Final[Mapping[str, float]] = {
    "up": 3600.0,  # it may download the box
    "reload": 1200.0,
    "halt": 300.0,
    "destroy": 300.0,
    "suspend": 900.0,  # writes the guest's memory to the disk
    "resume": 900.0,
    "snapshot": 900.0,
}
"""Seconds for the commands that take their time."""

DEADLINE = 60.0
"""Seconds for any other command."""

BUSY_SECONDS = 1200.0
"""How long another Vagrant is waited for: one whose lab was killed goes on with the machine by itself."""

BUSY_DELAY = 5.0
"""Seconds between two tries then."""

_LOCKED = r"already executing an action|because it is locked|being held by another instance"


# "==> kubeflow: Starting domain." but neither the settings that follow some of these lines nor remarks.
_REMARKS = "|".join(
    (
        *("-- ", "-> ", "No version", "generating", "See https", "Running ", "Created volume"),
        *("Snapshot saved", "using `", "`vagrant", "Machine not provisioned"),
    )
)
_DOING = re.compile(rf"==> \S+: (?=\S)(?!{_REMARKS})(.+)")


def make_vagrant(
    settings: Settings, runner: Runner, *, sleep: Callable[[float], None] = time.sleep
) -> LabVagrant:
    """Return the Vagrant of one lab; what it says goes to the lab's `vagrant.log`."""
    log = settings.make_state_dir() / "vagrant.log"
    return LabVagrant(settings.root, runner, vagrant_environment(settings), log, sleep=sleep)


class LabVagrant(vagrant.Vagrant):
    """Runs Vagrant's commands through a runner: deadline, log, and errors that say what Vagrant said.

    Args:
        root: directory of the Vagrantfile.
        runner: runs a program.
        environment: variables for Vagrant.
        log: file that the output of every command is appended to.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        root: Path,
        runner: Runner,
        environment: Mapping[str, str],
        log: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(root=str(root))  # type: ignore[no-untyped-call]  # the library has no types
        self._runner = runner
        self._environment = environment
        self._log = log
        self._sleep = sleep
        self.on_line: Callable[[str], None] | None = None
        """Called with each line of output of the commands that change something."""

    @contextmanager
    def telling(self, on_line: Callable[[str], None] | None) -> Iterator[LabVagrant]:
        """Pass on each line in which Vagrant says what it does now, until the block ends."""
        self.on_line = on_line and (lambda line: _tell(line, on_line))
        try:
            yield self
        finally:
            self.on_line = None

    def snapshot(self, action: str, vm_name: str, *arguments: str) -> str:
        """Run one of `vagrant snapshot`'s commands, of which the library knows no options.

        Args:
            action: `save`, `restore`, `delete` or `list`.
            vm_name: the machine.
            arguments: options, and the snapshot's name.
        """
        return self._execute(
            ["snapshot", action, *arguments[:-1], vm_name, *arguments[-1:]], self.on_line
        ).stdout

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self._execute(args, self.on_line)

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return self._execute(args, None).stdout

    def _execute(self, args: Sequence[str | None], on_line: Callable[[str], None] | None) -> Result:
        words = [word for word in args if word is not None]
        result = self._run(words, on_line)
        waited = 0.0
        while not result.ok and re.search(_LOCKED, result.stderr) and waited < BUSY_SECONDS:
            if on_line and not waited:
                on_line(
                    f"==> {words[-1]}: Waiting until another Vagrant has ended that works on this machine."
                )
            self._sleep(BUSY_DELAY)
            waited += BUSY_DELAY
            result = self._run(words, on_line)
        if result.ok:
            return result
        known = first(result.stderr, kind="vagrant")
        raise VMError(
            f"'vagrant {words[0]}' failed with exit code {result.returncode}:\n{result.last_words}",
            code="LAB-VM-101",
            hint=known.advice if known else "",
            log=self._log,
        )

    def _run(self, words: Sequence[str], on_line: Callable[[str], None] | None) -> Result:
        return self._runner(
            ["vagrant", *words],
            timeout=DEADLINES.get(words[0], DEADLINE),
            cwd=Path(self.root),
            env=self._environment,
            on_line=on_line,
            log=self._log,
        )


def _tell(line: str, on_line: Callable[[str], None]) -> None:
    if found := _DOING.match(line):
        on_line(found[1])
