"""What every way into the guest offers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from lab.errors import LabError, VMError
from lab.outcome import Outcome


class TransportError(VMError):
    """The connection to the guest was lost or could not be made."""


class CommandTimeout(VMError):  # noqa: N818 - the name says it
    """A command in the guest did not end before its deadline; it has been killed there."""


class CommandError(VMError):
    """A command in the guest ended with an exit code other than 0."""


@dataclass(frozen=True)
class CommandResult(Outcome):
    """What ran in the guest and how it ended."""

    ERROR: ClassVar[type[LabError]] = CommandError
    CODE: ClassVar[str] = "LAB-VM-201"

    command: str
    returncode: int
    """The exit code; 128 + N when signal N ended the command, as in a shell."""
    stdout: str
    stderr: str
    seconds: float

    @property
    def failure(self) -> str:
        """What failed and how, in half a sentence."""
        return f"'{self.command}' failed in the guest with exit code {self.returncode}"


class Tunnel(Protocol):
    """A port on this host's 127.0.0.1 that leads to an address as the guest sees it."""

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        ...


class Transport(Protocol):
    """A connection to the guest as its login user."""

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - named as subprocess.run names it
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """Run a shell command to its end and return its result, whatever the exit code is.

        Args:
            command: what the login user's shell is to run.
            timeout: seconds until the command and all it started are killed.
            input: text for standard input, which is empty otherwise.
            on_line: called in this thread with each line of either stream as it comes.

        Raises:
            CommandTimeout: the deadline passed.
            TransportError: the connection was lost.
        """
        ...

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> None:
        """Copy a file, or a directory with all that is in it, to the guest.

        Args:
            local: what to copy; files keep their permission bits.
            remote: its path in the guest (a relative one starts in the home directory).
            mode: permission bits for each file instead of the local ones.
        """
        ...

    def put_text(self, text: str, remote: str, mode: int = 0o600) -> None:
        """Write a file in the guest; readers see the old or the new one, never a half of it."""
        ...

    def read_text(self, remote: str) -> str:
        """Return what is in a file of the guest.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    def tunnel(self, host: str, port: int, local_port: int = 0) -> AbstractContextManager[Tunnel]:
        """Open a port on 127.0.0.1 that leads to `host:port` as the guest sees it, until the block ends."""
        ...

    def reconnect(self) -> None:
        """Log in anew, as a change of groups needs."""
        ...

    def is_alive(self) -> bool:
        """Whether the guest answers on this connection."""
        ...

    def close(self) -> None:
        """Log out; closing twice is no error."""
        ...
