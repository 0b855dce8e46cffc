"""Where and as whom to log in."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_HOST_KEYS = re.compile(r"\s*(UserKnownHostsFile|StrictHostKeyChecking)\s", re.IGNORECASE)


@dataclass(frozen=True)
class SSHTarget:
    """A guest's SSH server and the login there."""

    host: str
    port: int
    user: str
    key_file: Path
    known_hosts: Path
    """File with the server's key; the first login to a new machine writes it."""

    @classmethod
    def from_ssh_config(cls, path: Path) -> SSHTarget:
        """Read the file that `vagrant ssh-config` wrote: one host, one option a line."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> SSHTarget:
        """Read what `vagrant ssh-config` prints, with the file for the server's key that `pinned` adds.

        Raises:
            ValueError: an option is missing.
        """
        options: dict[str, str] = {}
        for line in text.splitlines():
            words = shlex.split(line)
            if len(words) == 2:
                options.setdefault(words[0].lower(), words[1])
        try:
            return cls(
                host=options["hostname"],
                port=int(options["port"]),
                user=options["user"],
                key_file=Path(options["identityfile"]),
                known_hosts=Path(options["userknownhostsfile"]),
            )
        except KeyError as error:
            raise ValueError(f"the SSH configuration has no {error.args[0]}") from None


def pinned(text: str, known_hosts: Path) -> str:
    """Return what `vagrant ssh-config` prints, made so that only the known machine is logged in to."""
    lines = [line for line in text.splitlines() if not _HOST_KEYS.match(line)]
    for number, line in enumerate(lines):
        if line.startswith("Host "):
            lines[number + 1 : number + 1] = [
                f'  UserKnownHostsFile "{known_hosts}"',
                "  StrictHostKeyChecking yes",
            ]
            break
    return "\n".join(lines) + "\n"
