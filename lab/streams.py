"""Drains several streams of bytes at once and hands out their lines, with a deadline."""

from __future__ import annotations

import codecs
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

QUIET = 2.0
"""Seconds without output, after the command's end, until streams that stay open are left alone.

A daemon that the command started may keep them open for ever.
"""


_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Drain:
    """Reads each stream in a thread, so that a full one never stalls the others.

    Args:
        streams: the chunks of each stream by name.
        wait: returns when the command has ended.
    """

    def __init__(self, streams: Mapping[str, Iterable[bytes]], wait: Callable[[], object]) -> None:
        self._events: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._lines: dict[str, list[str]] = {name: [] for name in streams}
        self._open = len(streams)
        self._ended = False
        for name, chunks in streams.items():
            _start(self._read, name, chunks)
        _start(self._wait, wait)

    def text(self, name: str) -> str:
        """Return what has come through a stream so far."""
        return "".join(self._lines[name])

    def lines(self, deadline: float) -> Iterator[tuple[str, str]]:
        """Yield the stream's name and each line with its end, until the command ended and all is drained.

        After a deadline it may be called again for what comes later.

        Args:
            deadline: in terms of `time.monotonic`.

        Raises:
            TimeoutError: the deadline passed before the command's end.
        """
        while self._open or not self._ended:
            left = max(0.0, deadline - time.monotonic())
            try:
                name, line = self._events.get(timeout=min(left, QUIET) if self._ended else left)
            except queue.Empty:
                if self._ended:
                    return
                raise TimeoutError from None
            if line is not None:
                self._lines[name].append(line)
                yield name, line
            elif name:
                self._open -= 1
            else:
                self._ended = True

    def _read(self, name: str, chunks: Iterable[bytes]) -> None:
        for line in split_lines(chunks):
            self._events.put((name, line))
        self._events.put((name, None))

    def _wait(self, wait: Callable[[], object]) -> None:
        wait()
        self._events.put(("", None))


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Decode UTF-8 (what is not becomes a replacement character) and yield whole lines with their ends."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending: list[str] = []
    for chunk in chunks:
        *whole, rest = decoder.decode(chunk).split("\n")
        for line in whole:
            yield "".join([*pending, line, "\n"])
            pending.clear()
        pending.append(rest)
    if last := "".join([*pending, decoder.decode(b"", final=True)]):
        yield last


def visible(line: str) -> str:
    """Return what a terminal would show of a line in the end, without colours and overwritten progress."""
    return _CONTROL.sub("", line.rstrip("\r\n").rpartition("\r")[2])


def _start(target: Callable[..., None], *args: object) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()
