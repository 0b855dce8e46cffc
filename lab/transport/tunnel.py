"""Ports on 127.0.0.1 whose connections go on from inside the guest."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

CHUNK = 65536


class Stream(Protocol):
    """What a channel into the guest and a socket have in common."""

    def recv(self, size: int, /) -> bytes:
        """Return what has come, or nothing at the end."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""
        ...

    def shutdown(self, how: int, /) -> None:
        """End one direction or both."""
        ...

    def close(self) -> None:
        """End it all."""
        ...


class TunnelServer:
    """Listens on 127.0.0.1 and passes each connection on, until it is closed; connections end with it.

    Args:
        open_stream: opens a stream into the guest for a peer's address.
        port: the port to listen on; 0: one that is free.
    """

    def __init__(self, open_stream: Callable[[tuple[str, int]], Stream], port: int = 0) -> None:
        self._open_stream = open_stream
        self._streams: set[Stream] = set()
        self._closed = False
        self._lock = threading.Lock()
        tunnel = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                tunnel._forward(self.request, self.client_address)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> TunnelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            _end(stream)

    def _forward(self, client: socket.socket, peer: tuple[str, int]) -> None:
        with contextlib.ExitStack() as stack:
            self._keep(client, stack)
            try:
                inside = self._open_stream(peer)
            except Exception:
                return  # whatever the reason is, the client sees that its connection is closed
            self._keep(inside, stack)
            answers = threading.Thread(target=_copy, args=(inside, client), daemon=True)
            answers.start()
            _copy(client, inside)
            answers.join()

    def _keep(self, stream: Stream, stack: contextlib.ExitStack) -> None:
        """See to it that a stream ends with the tunnel, or when it has done its work."""
        stack.callback(_end, stream)
        with self._lock:
            if self._closed:
                _end(stream)
            self._streams.add(stream)
        stack.callback(self._streams.discard, stream)


def _copy(source: Stream, target: Stream) -> None:
    """Pass on all that comes, and then its end."""
    with contextlib.suppress(OSError, EOFError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError, EOFError):
        target.shutdown(socket.SHUT_WR)


def _end(stream: Stream) -> None:
    with contextlib.suppress(OSError, EOFError):
        stream.shutdown(socket.SHUT_RDWR)  # wakes whoever reads from it
    with contextlib.suppress(OSError, EOFError):
        stream.close()
