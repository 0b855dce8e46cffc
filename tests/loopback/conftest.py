"""A real SSH server on 127.0.0.1, run by the current user, whoever that is."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.transport.ssh import SSHTarget, SSHTransport

SSHD = "/usr/sbin/sshd"


class Server:
    """One SSH server with its own keys and configuration in a directory."""

    def __init__(self, directory: Path, *, home: Path | None = None) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(directory / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
        keys = directory / "authorized_keys"
        keys.write_text((directory / "user.pub").read_text())
        keys.chmod(0o600)
        (directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n"
            f"HostKey {directory}/host\n"
            f"AuthorizedKeysFile {keys}\n"
            f"PidFile none\n"
            "AuthenticationMethods publickey\n"
            "PermitRootLogin prohibit-password\n"
            "StrictModes no\n"
            "UsePAM no\n"
            "AcceptEnv LANG\n"
            "Subsystem sftp internal-sftp\n" + (f"SetEnv HOME={home}\n" if home else "")
        )

    @property
    def target(self) -> SSHTarget:
        keys = self._directory / "user", self._directory / "known_hosts"
        return SSHTarget("127.0.0.1", self.port, getpass.getuser(), *keys)

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # the server insists on it as root
        log = self._directory / "sshd.log"
        command = [SSHD, "-D", "-f", str(self._directory / "sshd_config"), "-E", str(log)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert self._process.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise TimeoutError(log.read_text())

    def stop(self) -> None:
        """End the listener and every connection."""
        self.cut()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def cut(self) -> None:
        """End every connection, as a guest that goes away does; the listener stays."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Let every connection hang, as when the guest does."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._connections():
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, number)

    def _connections(self) -> list[int]:
        """Return the processes that hold a connection: all below the listener whose name is sshd's."""
        if self._process is None:
            return []
        found: list[int] = []
        todo = [self._process.pid]
        while todo:
            for pid in _children(todo.pop()):
                if _name(pid).startswith("sshd"):
                    found.append(pid)
                    todo.append(pid)
        return found


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not Path(SSHD).exists():
        pytest.skip(f"{SSHD} is not installed (Debian: openssh-server)")
    directory = tmp_path_factory.mktemp("sshd")
    directory.chmod(0o700)
    server = Server(directory)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def guest(server: Server) -> Iterator[SSHTransport]:
    transport = SSHTransport.connect(server.target, timeout=10)
    yield transport
    transport.close()
