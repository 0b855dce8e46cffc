"""The lab that is broken and mended: one virtual machine for all tests of a session."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.faults.command import Answer, Checkout
from tests.faults.engine import Engine, start

NAME = "faults"
KUBEFLOW = "kubeflow"
"""The model, and namespace, that a rehearsal deploys Kubeflow into."""

VM_FAILED = 20
"""What a command ends with if the machine is to blame."""

UP_SECONDS = 3600.0
COMMAND_SECONDS = 600.0


@dataclass(frozen=True)
class Rig:
    """A lab in a checkout of its own."""

    checkout: Checkout

    @property
    def state(self) -> Path:
        """The lab's state directory."""
        return self.checkout.root / ".lab" / NAME

    def lab(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> Answer:
        """Run a command on the lab."""
        return self.checkout.lab(*arguments, timeout=timeout)

    def up(self) -> Answer:
        """Bring it up, or go on with that."""
        return self.lab("up", timeout=UP_SECONDS)

    @contextlib.contextmanager
    def at_work(self, *command: str) -> Iterator[Engine]:
        """Begin with a command, or to bring the lab up; the block says what happens then."""
        reports = self.state.parent
        reports.mkdir(mode=0o700, exist_ok=True)
        events, output = reports / "events.ndjson", reports / "output.log"
        argv = self.checkout.argv(*(command or ("up",)))
        with start(argv, cwd=self.checkout.root, events=events, output=output) as engine:
            yield engine

    def guest(self, line: str) -> str:
        """Run a shell line in the guest, which has to succeed, and return what it prints."""
        return self.lab("exec", line).succeeds().output

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as root in the guest."""
        return self.guest(shlex.join(["sudo", "/snap/bin/microk8s", "kubectl", *arguments]))

    def qemu(self) -> int:
        """Return the process of the virtual machine, and of no other."""
        checkout = hashlib.sha256(str(self.checkout.root).encode()).hexdigest()[:6]
        guest = f"guest=lab-{checkout}-{NAME},"
        found = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if guest in _text(path) and "qemu-system" in _text(path)
        ]
        assert len(found) == 1, f"processes of {guest} {found}"
        return found[0]

    def is_ready(self) -> None:
        """Assert that the lab says so, layer by layer."""
        self.lab("status").succeeds()

    @contextlib.contextmanager
    def edition(self, part: str, **settings: str) -> Iterator[None]:
        """Let a part of the edition say something else, until the block ends."""
        path = self.checkout.root / "lab" / "editions" / "rehearsal.yaml"
        before = path.read_text(encoding="utf-8")
        edition = yaml.safe_load(before)
        edition[part] |= settings
        path.write_text(yaml.safe_dump(edition), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")


def _text(path: Path) -> str:
    # A process may be gone before it is read.
    with contextlib.suppress(OSError):
        return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""
