"""Runs programs on the host.

Nothing else in the package starts a process: each one gets a deadline, its own process group
(so that nothing of it survives the deadline or a Ctrl-C), drained streams and a result that says what ran.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Protocol

from lab.errors import HostError, LabError
from lab.masking import HIDDEN, SECRET_NAME, mask_forms
from lab.outcome import Outcome, last_lines
from lab.streams import Drain, visible

GRACE = 5.0
"""Seconds between the polite and the final signal to a process group."""


class ProcessTimeout(HostError):  # noqa: N818 - the name says it
    """A program did not end before its deadline; its whole process group has been killed."""


class ProcessError(HostError):
    """A program ended with an exit code other than 0."""


def redact(argv: Sequence[str]) -> str:
    """Return the command as one would type it, without what looks like a secret."""
    shown: list[str] = []
    hide_next = False
    for argument in argv:
        name, equals, _ = argument.partition("=")
        if hide_next:
            shown.append(HIDDEN)
            hide_next = False
        elif equals and SECRET_NAME.search(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(mask_forms(shlex.quote(argument)))
            hide_next = argument.startswith("-") and SECRET_NAME.search(argument) is not None
    return " ".join(shown)


@dataclass(frozen=True)
class Result(Outcome):
    """What ran and how it ended."""

    ERROR: ClassVar[type[LabError]] = ProcessError
    CODE: ClassVar[str] = "LAB-HOST-101"

    argv: tuple[str, ...]
    returncode: int
    """The exit code; negative: ended by that signal."""
    stdout: str
    stderr: str
    seconds: float

    @property
    def failure(self) -> str:
        """What failed and how, in half a sentence."""
        if self.returncode < 0:
            how = f"was ended by {signal.Signals(-self.returncode).name}"
        else:
            how = f"failed with exit code {self.returncode}"
        return f"'{redact(self.argv)}' {how} after {self.seconds:.1f} s"


class Runner(Protocol):
    """The signature of `run`, so that tests can pass a fake."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - named as subprocess.run names it
        on_line: Callable[[str], None] | None = None,
        log: Path | None = None,
    ) -> Result:
        """Run a program to its end."""
        ...


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,  # noqa: A002 - named as subprocess.run names it
    on_line: Callable[[str], None] | None = None,
    log: Path | None = None,
) -> Result:
    """Run a program to its end and return its result, whatever the exit code is.

    Args:
        argv: the program and its arguments; no shell is involved.
        timeout: seconds until the program and all it started are killed.
        cwd: directory to run in.
        env: variables added to this process's environment.
        input: text for standard input, which is empty otherwise.
        on_line: called in this thread with each line of either stream as it comes.
        log: file the command line and both streams are appended to (created 0600).

    Raises:
        ProcessTimeout: the deadline passed.
        HostError: the program is not installed or cannot be started.
    """
    argv = tuple(argv)
    started = time.monotonic()
    with _open_log(log) as log_file:
        if log_file:
            log_file.write(f"$ {redact(argv)}\n")
        child = _spawn(argv, cwd, env, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        # From here on whatever ends this function ends the program, too: nothing may come before the `try`.
        try:
            drain = _attach(child, input)
            for _, line in drain.lines(started + timeout):
                if log_file:
                    log_file.write(mask_forms(visible(line)) + "\n")
                    log_file.flush()
                if on_line:
                    on_line(visible(line))
        except TimeoutError:
            _kill_group(child)
            tail = last_lines(drain.text("stderr") or drain.text("stdout"))
            raise ProcessTimeout(
                f"'{redact(argv)}' did not end within {timeout:.0f} s and was killed"
                + (f"; it last said:\n{tail}" if tail else ""),
                code="LAB-HOST-102",
                hint="Is the machine very busy? If not, the log may say what it was waiting for.",
                log=log,
            ) from None
        except BaseException:
            _kill_group(child)
            raise
        returncode = child.wait()
        seconds = time.monotonic() - started
        if log_file:
            log_file.write(f"=== exit code {returncode}, {seconds:.1f} s\n")
        return Result(argv, returncode, drain.text("stdout"), drain.text("stderr"), seconds)


def not_installed(program: str, hint: str = "") -> HostError:
    """Return the error that a program is not installed, with what to do about it."""
    return HostError(
        f"program '{program}' was not found",
        code="LAB-HOST-104",
        hint=hint or f"Install '{program}' or put its directory on PATH (Debian: scripts/setup-host.sh).",
    )


def _attach(child: subprocess.Popen[bytes], text: str | None) -> Drain:
    """Feed the program's standard input and collect its streams."""
    assert child.stdout is not None  # noqa: S101 - see _spawn
    assert child.stderr is not None  # noqa: S101
    if child.stdin is not None:
        threading.Thread(target=_feed, args=(child.stdin, text or ""), daemon=True).start()
    return Drain({"stdout": _chunks(child.stdout), "stderr": _chunks(child.stderr)}, child.wait)


def _spawn(
    argv: tuple[str, ...], cwd: Path | None, env: Mapping[str, str] | None, stdin: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise HostError(f"directory '{cwd}' does not exist", code="LAB-HOST-103") from error
        raise not_installed(argv[0]) from error
    except OSError as error:
        raise HostError(f"'{redact(argv)}' cannot be started: {error}", code="LAB-HOST-105") from error


def _chunks(pipe: IO[bytes]) -> Iterator[bytes]:
    with pipe:
        while chunk := pipe.read(65536):
            yield chunk


def _feed(pipe: IO[bytes], text: str) -> None:
    data = memoryview(text.encode())
    # The program may end without reading all of it.
    with contextlib.suppress(BrokenPipeError), pipe:
        while data:
            data = data[pipe.write(data) :]


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE)
        finally:
            # Also when the leader is gone: what it started may not be. And when Ctrl-C is pressed again.
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextlib.contextmanager
def _open_log(path: Path | None) -> Iterator[IO[str] | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as file:
        yield file
