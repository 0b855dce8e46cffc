"""Where and as whom to log in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SSHTarget:
    """A guest's SSH server and the login there."""

    host: str
    port: int
    user: str
    key_file: Path
    known_hosts: Path | None = None
    """File with the server's key; without one any key is taken, which suits a new VM on 127.0.0.1."""

    @classmethod
    def from_ssh_config(cls, path: Path) -> SSHTarget:
        """Read the file that `vagrant ssh-config` wrote: one host, one option a line."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> SSHTarget:
        """Read the text that `vagrant ssh-config` prints.

        Raises:
            ValueError: an option is missing.
        """
        options: dict[str, str] = {}
        for line in text.splitlines():
            words = shlex.split(line)
            if len(words) == 2:
                options.setdefault(words[0].lower(), words[1])
        try:
            known_hosts = Path(options.get("userknownhostsfile", "/dev/null"))
            return cls(
                host=options["hostname"],
                port=int(options["port"]),
                user=options["user"],
                key_file=Path(options["identityfile"]),
                known_hosts=None if known_hosts == Path("/dev/null") else known_hosts,
            )
        except KeyError as error:
            raise ValueError(f"the SSH configuration has no {error.args[0]}") from None
