"""A program that runs beside a test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def running(
    argv: Sequence[str], *, cwd: Path, output: Path, ending: signal.Signals, seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; what is left of it then is stopped.

    Args:
        argv: The program with its arguments.
        cwd: Where to run it.
        output: The file that all it prints goes to.
        ending: The signal that asks it to end.
        seconds: How long it may take to do so, before all of its processes are killed.
    """
    with output.open("wb") as file:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(ending)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
