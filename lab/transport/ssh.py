"""The guest over SSH, by paramiko.

Closing a channel does not end a command that has no terminal: the SSH server only closes its streams. So
each command first says the ID of its session on standard error (the server makes each command the leader
of a new one), and a command that must go, at its deadline or on Ctrl-C, is killed with its whole session
through a second channel.
"""

from __future__ import annotations

import contextlib
import re
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import paramiko

from lab.outcome import last_lines
from lab.streams import Drain, visible
from lab.transport.base import CommandResult, CommandTimeout, TransportError
from lab.transport.ssh_login import CHANNEL_TIMEOUT, log_in
from lab.transport.target import SSHTarget
from lab.transport.tunnel import TunnelServer

__all__ = ["SSHTarget", "SSHTransport"]

SILENCE = 60.0
"""Seconds without a line until the guest is asked whether it is still there.

A computer that slept, or a guest that hangs, leaves a connection that neither works nor ends.
"""

KILL_TIMEOUT = 20.0
"""Seconds for the guest to end a command that ran out of time."""

_MARK = "lab-session:"

# The wrapper is what says 128 + N for a command that a signal ended: "exit" keeps the shell from being
# replaced by that command.
_WRAPPER = f'echo "{_MARK}$$" >&2\n%s\nexit $?'

# Some of what runs may be root's, through sudo. Ended processes count no more, even where nobody collects
# them.
_KILL = """
end() { sudo -n pkill "-$1" -s %(session)d 2>/dev/null || pkill "-$1" -s %(session)d; }
end TERM
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pgrep -s %(session)d -r D,I,R,S,T,t >/dev/null || exit 0
  sleep 0.1
done
end KILL
"""


class SSHTransport:
    """A connection to the guest; see `lab.transport.base.Transport`."""

    def __init__(self, target: SSHTarget, client: paramiko.SSHClient) -> None:
        self.target = target
        self._client = client

    @classmethod
    def connect(cls, target: SSHTarget, *, timeout: float) -> SSHTransport:
        """Log in.

        Args:
            target: where and as whom.
            timeout: seconds during which it is tried again, since a guest that boots refuses or drops
                connections at first.

        Raises:
            TransportError: nobody answered in time, or the login was refused.
        """
        return cls(target, log_in(target, timeout))

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - see the protocol
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """Run a shell command to its end; see `Transport.run`."""
        started = time.monotonic()
        session = _Session()
        with self._channel() as channel:
            with _errors(f"'{_short(command)}' could not be started in the guest"):
                channel.exec_command(_WRAPPER % command)
            streams = {"stdout": _chunks(channel.recv), "stderr": _chunks(channel.recv_stderr)}
            drain = Drain(streams, channel.recv_exit_status)
            if input is None:
                channel.shutdown_write()
            else:
                threading.Thread(target=_feed, args=(channel, input), daemon=True).start()
            try:
                for line in session.lines(self._watched(drain, started + timeout)):
                    if on_line:
                        on_line(visible(line))
            except TimeoutError:
                self._kill(session, drain)
                tail = last_lines(drain.text("stderr").partition("\n")[2] or drain.text("stdout"))
                raise CommandTimeout(
                    f"'{_short(command)}' did not end within {timeout:.0f} s in the guest and was killed"
                    + (f"; it last said:\n{tail}" if tail else ""),
                    code="LAB-VM-202",
                    hint="Is the machine very busy? If not, the log may say what it was waiting for.",
                ) from None
            except TransportError:
                raise  # there is no way to end anything any more
            except BaseException:
                self._kill(session, drain)
                raise
            returncode = channel.recv_exit_status()
            if returncode == -1:
                if not self._connected():
                    raise TransportError(
                        f"the connection to the guest was lost while '{_short(command)}' ran",
                        code="LAB-VM-203",
                        hint="See whether the machine still runs: python -m lab status",
                    )
                returncode = 255  # the shell itself was killed, so nobody could say by which signal
        stderr = drain.text("stderr")
        if session.id is not None:
            stderr = re.sub(f"{_MARK}[0-9]+\n", "", stderr, count=1)
        return CommandResult(command, returncode, drain.text("stdout"), stderr, time.monotonic() - started)

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> None:
        """Copy a file or directory to the guest; see `Transport.put`.

        A directory's contents are put into `remote`; what else is there stays.
        """
        target = PurePosixPath(_path(remote))
        with self._sftp(f"'{local}' could not be copied to '{remote}' in the guest") as sftp:
            if local.is_dir():
                _make_directories(sftp, target)
                for path in sorted(local.rglob("*")):
                    there = target / path.relative_to(local).as_posix()
                    if path.is_dir():
                        _make_directories(sftp, there)
                    else:
                        _put_file(sftp, path, there, mode)
            else:
                _make_directories(sftp, target.parent)
                _put_file(sftp, local, target, mode)

    def put_text(self, text: str, remote: str, mode: int = 0o600) -> None:
        """Write a file in the guest; see `Transport.put_text`."""
        target = PurePosixPath(_path(remote))
        temporary = str(target.with_name(f".{target.name}.{uuid.uuid4().hex}"))
        with self._sftp(f"'{remote}' could not be written in the guest") as sftp:
            _make_directories(sftp, target.parent)
            with sftp.open(temporary, "wx") as file:
                file.chmod(mode)
                file.write(text.encode())
            sftp.posix_rename(temporary, str(target))

    def read_text(self, remote: str) -> str:
        """Return what is in a file of the guest; see `Transport.read_text`."""
        with (
            self._sftp(f"'{remote}' could not be read in the guest") as sftp,
            sftp.open(_path(remote)) as file,
        ):
            return file.read().decode()

    @contextlib.contextmanager
    def tunnel(self, host: str, port: int, local_port: int = 0) -> Iterator[TunnelServer]:
        """Open a port on 127.0.0.1 that leads to `host:port` as the guest sees it; see `Transport.tunnel`."""
        with TunnelServer(lambda peer: self._open_tunnel((host, port), peer), local_port) as server:
            yield server

    def reconnect(self) -> None:
        """Log in anew; see `Transport.reconnect`. Tunnels that are open use the new connection."""
        self.close()
        self._client = log_in(self.target, CHANNEL_TIMEOUT)

    def is_alive(self) -> bool:
        """Whether the guest answers on this connection."""
        try:
            with self._channel():
                return True
        except TransportError:
            return False

    def close(self) -> None:
        """Log out."""
        self._client.close()

    def _connected(self) -> bool:
        transport = self._client.get_transport()
        return transport is not None and transport.is_active()

    def _transport(self) -> paramiko.Transport:
        transport = self._client.get_transport()
        if transport is None or not transport.is_active():
            raise TransportError("the connection to the guest is closed", code="LAB-VM-204")
        return transport

    @contextlib.contextmanager
    def _channel(self) -> Iterator[paramiko.Channel]:
        with _errors("the guest does not answer"):
            channel = self._transport().open_session(timeout=CHANNEL_TIMEOUT)
        with contextlib.closing(channel):
            yield channel

    def _open_tunnel(self, target: tuple[str, int], peer: tuple[str, int]) -> paramiko.Channel:
        return self._transport().open_channel("direct-tcpip", target, peer, timeout=CHANNEL_TIMEOUT)

    @contextlib.contextmanager
    def _sftp(self, failure: str) -> Iterator[paramiko.SFTPClient]:
        with _errors(failure), contextlib.ExitStack() as stack:
            sftp = paramiko.SFTPClient.from_transport(self._transport())
            assert sftp is not None  # noqa: S101 - None means a closed transport, which was ruled out
            stack.callback(sftp.close)
            channel = sftp.get_channel()
            if channel is not None:
                channel.settimeout(CHANNEL_TIMEOUT)
            yield sftp

    def _watched(self, drain: Drain, deadline: float) -> Iterator[tuple[str, str]]:
        """Yield what `Drain.lines` yields, as long as the guest answers.

        Raises:
            TimeoutError: the deadline passed.
            TransportError: the guest does not answer any more.
        """
        while True:
            try:
                yield from drain.lines(min(deadline, time.monotonic() + SILENCE))
                return
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
            if not self.is_alive():
                raise TransportError(
                    "the guest does not answer any more",
                    code="LAB-VM-208",
                    hint="See whether the machine still runs: python -m lab status",
                )

    def _kill(self, session: _Session, drain: Drain) -> None:
        """End all of a session in the guest, as far as the connection still allows it."""
        if session.id is None:
            # A busy guest may not even have started the command's shell yet.
            with contextlib.suppress(TimeoutError):
                session.find(drain.lines(time.monotonic() + KILL_TIMEOUT))
        if session.id is None:
            return
        with contextlib.suppress(TransportError, OSError, paramiko.SSHException), self._channel() as channel:
            channel.exec_command(_KILL % {"session": session.id})
            channel.shutdown_write()
            channel.status_event.wait(KILL_TIMEOUT)


class _Session:
    """A command's session in the guest, once the command has said its ID."""

    def __init__(self) -> None:
        self.id: int | None = None

    def lines(self, lines: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Yield all lines but the one with the ID, and none before it: who hears of a command can end it."""
        early: list[str] = []
        for name, line in lines:
            if self.id is not None:
                yield line
            elif self._take(name, line):
                yield from early
                early.clear()
            else:
                early.append(line)
        yield from early  # of a command that the shell could not even read

    def find(self, lines: Iterable[tuple[str, str]]) -> None:
        """Wait for the line with the ID."""
        any(self._take(name, line) for name, line in lines)

    def _take(self, name: str, line: str) -> bool:
        if name != "stderr" or not line.startswith(_MARK):
            return False
        self.id = int(line.removeprefix(_MARK))
        return True


@contextlib.contextmanager
def _errors(failure: str) -> Iterator[None]:
    """Say what failed, in an error of ours; a missing file stays a missing file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise TransportError(f"{failure}: {error or type(error).__name__}", code="LAB-VM-207") from error


def _chunks(receive: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := receive(65536):
        yield chunk


def _feed(channel: paramiko.Channel, text: str) -> None:
    # The command may end without reading all of it.
    with contextlib.suppress(OSError):
        channel.sendall(text.encode())
        channel.shutdown_write()


def _short(command: str) -> str:
    first, *more = command.strip().splitlines() or [""]
    return first[:120] + (" ..." if more or len(first) > 120 else "")


def _path(remote: str) -> str:
    """Return a path as SFTP understands it: relative to the home directory, without a tilde."""
    return remote.removeprefix("~/")


def _make_directories(sftp: paramiko.SFTPClient, directory: PurePosixPath) -> None:
    try:
        if stat.S_ISDIR(sftp.stat(str(directory)).st_mode or 0):
            return
    except FileNotFoundError:
        _make_directories(sftp, directory.parent)
    sftp.mkdir(str(directory))


def _put_file(sftp: paramiko.SFTPClient, local: Path, remote: PurePosixPath, mode: int | None) -> None:
    sftp.put(str(local), str(remote))
    sftp.chmod(str(remote), stat.S_IMODE(local.stat().st_mode) if mode is None else mode)
