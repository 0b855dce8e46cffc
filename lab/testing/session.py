"""What ``tox -e acceptance`` runs: bring a lab up if none is named, test it, keep it or take it down."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.config import find_root
from lab.errors import LabError, UsageError
from lab.process import Runner, run

if TYPE_CHECKING:
    import pytest

OWN_NAME = "acceptance"
"""The lab that is brought up when ``LAB_NAME`` names none."""

UP_TIMEOUT = 4 * 3600.0
DOWN_TIMEOUT = 900.0

UNUSABLE = 2
INTERRUPTED = 130

KEEP = ("always", "on-success", "on-failure", "never")

Pytest = Callable[[Sequence[str]], int]


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    root: Path | None = None,
    runner: Runner = run,
    pytest_main: Pytest | None = None,
) -> int:
    """Run the suite and return the exit code: pytest's, 2 when no lab could be brought up, 130 after Ctrl-C.

    ``LAB_NAME`` names the lab to test; that one is neither brought up nor taken down. Without it a lab of
    this run's own is brought up, and taken down or not as ``LAB_KEEP`` says: ``always`` (the default),
    ``on-success``, ``on-failure`` or ``never``.

    Args:
        arguments: Handed to pytest.
        environ: The environment.
        root: The directory of the ``Vagrantfile``.
        runner: Runs the lab's own commands.
        pytest_main: Runs pytest.
    """
    try:
        root = root or find_root(Path.cwd())
        keep = _keep(environ)
    except LabError as error:
        _say(f"{error}\n{error.hint}".rstrip())
        return UNUSABLE
    if environ.get("LAB_NAME"):
        return _test(arguments, root, environ, pytest_main or _pytest)
    environ = {**environ, "LAB_NAME": OWN_NAME}
    code = INTERRUPTED
    try:
        code = _up(root, environ, runner)
        if code == 0:
            code = _test(arguments, root, environ, pytest_main or _pytest)
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        if keep == "never" or (keep == "on-success" and code != 0) or (keep == "on-failure" and code == 0):
            _down(root, environ, runner)
        else:
            _say(f"The lab '{OWN_NAME}' stays up; 'python -m lab --name {OWN_NAME} down' removes it.")
    return code


def _keep(environ: Mapping[str, str]) -> str:
    keep = environ.get("LAB_KEEP") or "always"
    if keep not in KEEP:
        raise UsageError(
            f"LAB_KEEP cannot be '{keep}'.", code="LAB-TEST-004", hint=f"It is one of {', '.join(KEEP)}."
        )
    return keep


def _up(root: Path, environ: Mapping[str, str], runner: Runner) -> int:
    try:
        result = _lab("up", root, environ, runner, UP_TIMEOUT)
    except LabError as error:
        _say(str(error))
        return UNUSABLE
    if result == 0:
        return 0
    if result == INTERRUPTED:
        return INTERRUPTED
    _say(f"No lab could be brought up ('lab up' ended with exit code {result}), so nothing was tested.")
    return UNUSABLE


def _down(root: Path, environ: Mapping[str, str], runner: Runner) -> None:
    try:
        result = _lab("down", root, environ, runner, DOWN_TIMEOUT)
    except LabError as error:
        _say(f"The lab '{OWN_NAME}' could not be taken down: {error}")
        return
    if result != 0:
        _say(f"The lab '{OWN_NAME}' could not be taken down ('lab down' ended with exit code {result}).")


def _lab(command: str, root: Path, environ: Mapping[str, str], runner: Runner, timeout: float) -> int:
    argv = [sys.executable, "-m", "lab", command]
    return runner(argv, timeout=timeout, cwd=root, env=environ, on_line=_say).returncode


def _test(arguments: Sequence[str], root: Path, environ: Mapping[str, str], pytest_main: Pytest) -> int:
    os.chdir(root)
    os.environ.update(environ)
    chosen = any(argument.startswith("tests/") for argument in arguments)
    return int(pytest_main([*arguments, *([] if chosen else ["tests/acceptance"])]))


def _pytest(arguments: Sequence[str]) -> int:
    import pytest

    watch = _Interruption()
    code = int(pytest.main(list(arguments), plugins=[watch]))
    return INTERRUPTED if watch.seen else code


class _Interruption:
    """A plugin that tells Ctrl-C from a lab that cannot be tested: pytest ends with 2 after both."""

    def __init__(self) -> None:
        self.seen = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.seen = isinstance(excinfo.value, KeyboardInterrupt)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
