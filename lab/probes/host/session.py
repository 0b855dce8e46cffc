"""The user's own libvirt: where its sockets are, and whether it answers.

`lab/vm/host.rb` decides the same before Vagrant starts. libvirt starts on demand, and whoever asks first
decides with which directories, so the two must agree; a test compares them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.outcome import last_lines
from lab.probes.host.finding import PROGRAMS, Finding
from lab.probes.host.programs import SETUP, Find
from lab.process import Runner

SOCKET_LIMIT = 107
"""Bytes of the longest path that a socket can have."""
RUNTIME_SOCKET = "libvirt/virtqemud-admin-sock"
CONFIG_SOCKET = f"libvirt/qemu/channel/target/domain-99-{'x' * 20}/org.qemu.guest_agent.0"
SECONDS = 60.0
"""A busy computer takes long to start libvirt; that is no reason to call it broken."""

Mine = Callable[[Path], bool]
"""Whether a directory is this user's and nobody else's."""


def is_mine(path: Path) -> bool:
    """Whether a directory is this user's alone."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


@dataclass(frozen=True)
class Session:
    """How libvirt is reached.

    Attributes:
        uid: Whose libvirt it is.
        own: The directory in /tmp that is taken if there is no better one.
        runtime: What takes the place of XDG_RUNTIME_DIR.
        config: What takes the place of XDG_CONFIG_HOME; a link if the real one is too long.
        real_config: Where the link leads.
    """

    uid: int
    own: Path
    runtime: Path
    config: Path
    real_config: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], uid: int, mine: Mine = is_mine) -> Session:
        """Decide as `lab/vm/host.rb` does."""
        own = Path(f"/tmp/kflab-{uid}")  # noqa: S108 - short is the point; `mine` is asked before it is used
        runtime = own
        if uid != 0:
            given = environ.get("XDG_RUNTIME_DIR", "")
            candidates = [Path(f"/run/user/{uid}")]
            if given and _fits(Path(given), RUNTIME_SOCKET):
                candidates.insert(0, Path(given))
            runtime = next((path for path in candidates if mine(path)), own)
        real = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config")
        return cls(uid, own, runtime, real if _fits(real, CONFIG_SOCKET) else own / "c", real)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that libvirt is to be asked with."""
        variables = {"XDG_RUNTIME_DIR": str(self.runtime)}
        if self.config != self.real_config:
            variables["XDG_CONFIG_HOME"] = str(self.config)
        return variables

    @property
    def prefix(self) -> tuple[str, ...]:
        """What leaves root, for whom libvirt has no session."""
        return ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--") if self.uid == 0 else ()

    @property
    def uses_own(self) -> bool:
        """Whether the directory in /tmp is used."""
        return self.own in (self.runtime, self.config.parent)

    def prepare(self) -> None:
        """Make the directory and the link, as they would be made before Vagrant starts."""
        if self.uses_own and not self.own.exists():
            self.own.mkdir(mode=0o700)
        if self.config != self.real_config and not self.config.is_symlink():
            self.real_config.mkdir(parents=True, exist_ok=True)
            self.config.symlink_to(self.real_config)


def sockets(session: Session, mine: Mine = is_mine) -> Iterator[Finding]:
    """Say which directories libvirt's sockets are in, and whether their paths fit."""
    if session.uses_own and os.path.lexists(session.own) and not mine(session.own):
        yield PROGRAMS.failure(
            "sockets",
            f"{session.own}, where libvirt's sockets would be, belongs to somebody else or is open to others",
            "Set XDG_RUNTIME_DIR to a short directory of yours with mode 0700.",
            code="LAB-HOST-127",
        )
        return
    longest = max(_length(session.runtime, RUNTIME_SOCKET), _length(session.config, CONFIG_SOCKET))
    link = f" (a link: {session.real_config} is too long)" if session.config != session.real_config else ""
    found = f"in {session.runtime} and {session.config}{link}; {longest} of {SOCKET_LIMIT} bytes"
    if longest > SOCKET_LIMIT:
        yield PROGRAMS.failure(
            "sockets", found, "Set XDG_RUNTIME_DIR to a shorter directory of yours.", code="LAB-HOST-127"
        )
    else:
        yield PROGRAMS.ok("sockets", found)


def libvirt(session: Session, runner: Runner, find: Find) -> Iterator[Finding]:
    """Ask libvirt, which starts on demand, for its version."""
    if find("virsh") is None:
        yield PROGRAMS.warning(
            "libvirt",
            "there is no virsh to ask it with",
            f"{SETUP}; elsewhere: install libvirt and its clients",
        )
        return
    try:
        session.prepare()
        # One that nobody needed any more may just be ending; the next question starts it anew.
        works, said = _ask(session, runner)
        if not works:
            works, said = _ask(session, runner)
    except LabError as error:
        works, said = False, error.message.splitlines()[0]
    if works:
        used = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("Using library")]
        yield PROGRAMS.ok("libvirt", f"{' '.join(used).removeprefix('libvirt ')}; qemu:///session answers")
        return
    yield PROGRAMS.failure(
        "libvirt",
        f"libvirt does not start for this user: {said}",
        f"It starts on demand. To see why it does not, start it by hand: {_by_hand(session)}. If it is not "
        f"installed: scripts/setup-host.sh",
        code="LAB-HOST-128",
    )


def _ask(session: Session, runner: Runner) -> tuple[bool, str]:
    """Return whether libvirt answers, and what it says or why not."""
    argv = [*session.prefix, "virsh", "-c", "qemu:///session", "version"]
    answer = runner(argv, timeout=SECONDS, env=session.environment)
    if answer.ok:
        return True, answer.stdout
    return False, last_lines(answer.stderr, 1).removeprefix("error: ")


def _by_hand(session: Session) -> str:
    variables = [f"{name}={value}" for name, value in session.environment.items()]
    return " ".join([*session.prefix, "env", *variables, "/usr/sbin/libvirtd --timeout=120"])


def _length(directory: Path, socket: str) -> int:
    return len(os.fsencode(directory / socket))


def _fits(directory: Path, socket: str) -> bool:
    return _length(directory, socket) <= SOCKET_LIMIT
