"""Logging in to the guest over SSH, to no other machine than the lab's."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import paramiko

from lab.files import replace_file
from lab.transport.base import TransportError
from lab.transport.target import SSHTarget

KEEPALIVE = 15
"""Seconds between signs of life on an idle connection."""

CHANNEL_TIMEOUT = 60.0
"""Seconds for the guest to open a channel or to answer one SFTP request (it may be emulated and busy)."""

# Every failure is raised as an error of ours; paramiko's tracebacks would only repeat it.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def check_host_key(target: SSHTarget, *, timeout: float) -> None:
    """See that the machine that is known answers, for programs that cannot say well that another one does.

    Raises:
        TransportError: Another machine answers, or none in time.
    """
    log_in(target, timeout).close()


def log_in(target: SSHTarget, timeout: float) -> paramiko.SSHClient:
    """Log in and return the connection.

    Args:
        target: where and as whom.
        timeout: seconds during which it is tried again.

    Raises:
        TransportError: another machine answers, or none in time.
    """
    deadline = time.monotonic() + timeout
    where = f"{target.user}@{target.host}:{target.port}"
    while True:
        left = max(1.0, deadline - time.monotonic())
        client = paramiko.SSHClient()
        if target.known_hosts.exists():
            client.load_host_keys(str(target.known_hosts))
        client.set_missing_host_key_policy(_FirstHostKey(target.known_hosts))
        try:
            client.connect(
                target.host,
                target.port,
                target.user,
                key_filename=str(target.key_file),
                timeout=left,
                banner_timeout=left,
                auth_timeout=left,
                channel_timeout=CHANNEL_TIMEOUT,
                allow_agent=False,
                look_for_keys=False,
            )
        except paramiko.BadHostKeyException as error:
            client.close()
            raise TransportError(
                f"another machine than the lab's answers at {where}: its host key has changed",
                code="LAB-VM-205",
                hint="If you have made the machine anew without the lab, remove the file "
                f"'{target.known_hosts}'. If not, find out what listens on that port before you go on.",
            ) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            client.close()
            if time.monotonic() >= deadline:
                raise TransportError(
                    f"no login at {where} within {timeout:.0f} s: {error or type(error).__name__}",
                    code="LAB-VM-206",
                    hint="See whether the machine runs: python -m lab status",
                ) from error
            time.sleep(0.2)  # nothing tells when a booting guest begins to listen, or to admit users
            continue
        transport = client.get_transport()
        assert transport is not None  # noqa: S101 - just connected
        transport.set_keepalive(KEEPALIVE)
        if isinstance(transport.sock, socket.socket):
            # Else each small packet waits for the answer to the one before it: 40 ms a command.
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


class _FirstHostKey(paramiko.MissingHostKeyPolicy):
    """Keeps the key of a machine that is logged in to for the first time; from then on it is the only one.

    The port is one of 127.0.0.1 that the machine's own process holds.
    """

    def __init__(self, known_hosts: Path) -> None:
        self._known_hosts = known_hosts

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        known = self._known_hosts.read_text() if self._known_hosts.exists() else ""
        replace_file(self._known_hosts, f"{known}{hostname} {key.get_name()} {key.get_base64()}\n")
