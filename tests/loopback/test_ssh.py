"""The SSH transport against a real server."""

from __future__ import annotations

import http.server
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.transport import CommandTimeout, TransportError
from lab.transport.ssh import SSHTransport
from lab.transport.ssh_login import check_host_key
from tests.loopback.conftest import Server
from tests.processes import wait_ended


def test_result_has_everything(guest: SSHTransport) -> None:
    result = guest.run("echo out; echo err >&2; exit 3", timeout=10)
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert not result.ok
    assert 0 < result.seconds < 10


def test_commands_reach_the_shell_unharmed(guest: SSHTransport) -> None:
    command = """x='grüße "$HOME"'; printf '%s|%s\\n' "$x" a\\ b  # a comment"""
    assert guest.run(command, timeout=10).stdout == 'grüße "$HOME"|a b\n'
    assert guest.run("cat <<END\nhere\nEND", timeout=10).stdout == "here\n"


def test_a_syntax_error_is_the_commands_own(guest: SSHTransport) -> None:
    result = guest.run("if", timeout=10)
    assert result.returncode not in (0, -1)
    assert "lab-session" not in result.stderr


@pytest.mark.parametrize("redirect", ["", ">&2"])
def test_megabytes_on_one_stream_do_not_stall(guest: SSHTransport, redirect: str) -> None:
    result = guest.run(f"head -c 4000000 /dev/zero | tr '\\0' x {redirect}", timeout=60)
    assert len(result.stdout) + len(result.stderr) == 4_000_000


def test_lines_come_as_they_are_printed(guest: SSHTransport, tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(line: str) -> None:
        seen.append(line)
        if line == "ready":
            (tmp_path / "go").touch()

    command = f"echo ready >&2; while ! [ -e {tmp_path}/go ]; do sleep 0.01; done; printf '1%%\\r2%%\\n'"
    assert guest.run(command, timeout=10, on_line=answer).ok
    assert seen == ["ready", "2%"]


def test_standard_input_is_empty_unless_given(guest: SSHTransport) -> None:
    assert guest.run("cat", timeout=10).stdout == ""
    text = "grüße\n" * 50_000
    assert guest.run("cat", timeout=30, input=text).stdout == text
    assert guest.run("true", timeout=10, input="x" * 3_000_000).ok


def test_signals_are_told_as_a_shell_tells_them(guest: SSHTransport) -> None:
    assert guest.run("sh -c 'kill -TERM $$'", timeout=10).returncode == 128 + signal.SIGTERM
    assert guest.run("kill -KILL $$", timeout=10).returncode == 255


def test_a_silent_command_is_dead_after_its_deadline(guest: SSHTransport) -> None:
    pids: list[int] = []
    with pytest.raises(CommandTimeout, match="did not end within 3 s"):
        # In job-control mode the child gets a process group of its own.
        guest.run(
            "set -m; sleep 60 & echo $!; echo $$; wait", timeout=3, on_line=lambda x: pids.append(int(x))
        )
    assert len(pids) == 2
    assert all(wait_ended(pid) for pid in pids)
    assert guest.run("echo still", timeout=10).stdout == "still\n"


def test_a_command_that_ignores_sigterm_is_dead_too(guest: SSHTransport) -> None:
    pids: list[int] = []
    with pytest.raises(CommandTimeout):
        guest.run("trap '' TERM; echo $$; sleep 60", timeout=2, on_line=lambda x: pids.append(int(x)))
    assert wait_ended(pids[0])


def test_a_command_that_starts_late_is_dead_too(guest: SSHTransport, tmp_path: Path) -> None:
    with pytest.raises(CommandTimeout):
        guest.run(f"echo $$ >{tmp_path}/pid; sleep 60", timeout=0)
    assert wait_ended(int((tmp_path / "pid").read_text()))


def test_ctrl_c_ends_the_command(guest: SSHTransport) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        guest.run("echo $$; sleep 60", timeout=30, on_line=interrupt)
    assert wait_ended(pids[0])


def test_a_background_process_does_not_hold_the_command(guest: SSHTransport) -> None:
    result = guest.run("sleep 60 & echo $!", timeout=30)
    assert result.ok
    assert result.seconds < 10
    guest.run(f"kill {result.stdout}", timeout=10).check()


def test_a_lost_connection_is_said_and_mended(guest: SSHTransport, server: Server) -> None:
    assert guest.is_alive()
    with pytest.raises(TransportError, match="was lost while 'echo up; sleep 60' ran"):
        guest.run("echo up; sleep 60", timeout=30, on_line=lambda _: server.cut())
    assert not guest.is_alive()
    with pytest.raises(TransportError):
        guest.run("true", timeout=10)
    guest.reconnect()
    assert guest.run("echo back", timeout=10).stdout == "back\n"


def test_nobody_there(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TransportError, match=r"no login at .* within 0 s"):
        SSHTransport.connect(replace(server.target, port=port), timeout=0.1)


def test_the_wrong_host_key_is_refused(server: Server, tmp_path: Path) -> None:
    other = (server.target.key_file.parent / "user.pub").read_text()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}")
    with pytest.raises(TransportError, match="its host key has changed") as caught:
        check_host_key(replace(server.target, known_hosts=known_hosts), timeout=10)
    assert caught.value.code == "LAB-VM-205"
    assert str(known_hosts) in caught.value.hint


def test_the_first_host_key_is_kept(server: Server, tmp_path: Path) -> None:
    target = replace(server.target, known_hosts=tmp_path / "known_hosts")
    target.known_hosts.write_text("elsewhere ssh-ed25519 AAAA\n")
    check_host_key(target, timeout=10)
    elsewhere, here = target.known_hosts.read_text().splitlines()
    public = (server.target.key_file.parent / "host.pub").read_text().split()
    assert here == f"[127.0.0.1]:{server.port} {' '.join(public[:2])}"
    assert elsewhere == "elsewhere ssh-ed25519 AAAA"
    assert target.known_hosts.stat().st_mode & 0o777 == 0o600
    known = target.known_hosts.read_text()
    check_host_key(target, timeout=10)
    assert target.known_hosts.read_text() == known


def test_text_files(guest: SSHTransport, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    guest.put_text("grüße\n", str(path), 0o640)
    guest.put_text("neu\n", str(path))
    assert path.read_text() == "neu\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
    assert guest.read_text(str(path)) == "neu\n"
    with pytest.raises(FileNotFoundError):
        guest.read_text(str(tmp_path / "absent"))


def test_files_and_directories(guest: SSHTransport, tmp_path: Path) -> None:
    source = tmp_path / "a directory"
    (source / "sub").mkdir(parents=True)
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "sub" / "data").write_bytes(bytes(range(256)) * 1000)
    target = tmp_path / "far" / "away"
    for _ in range(2):
        guest.put(source, str(target))
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == [
        "run.sh",
        "sub",
        "sub/data",
    ]
    assert (target / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (target / "sub" / "data").read_bytes() == (source / "sub" / "data").read_bytes()
    guest.put(source / "run.sh", str(tmp_path / "one"), mode=0o600)
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def web() -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 1_000_000)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def fetch(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return len(answer.read())


def closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_tunnel(guest: SSHTransport, server: Server, web: int) -> None:
    with guest.tunnel("127.0.0.1", web) as tunnel:
        assert [fetch(tunnel.port) for _ in range(3)] == [1_000_000] * 3
        server.cut()
        guest.reconnect()
        assert fetch(tunnel.port) == 1_000_000
        idle = socket.create_connection(("127.0.0.1", tunnel.port), timeout=10)
        idle.sendall(b"GET /")
    with idle:
        assert closed(idle)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=10)


def test_tunnel_to_a_closed_port_closes_the_connection(guest: SSHTransport, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        guest.tunnel("127.0.0.1", port) as tunnel,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=10) as client,
    ):
        assert closed(client)
