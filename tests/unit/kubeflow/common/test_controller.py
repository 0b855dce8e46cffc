"""A controller that cannot go on."""

from __future__ import annotations

import subprocess
import sys

import pytest

STARTED = """
import logging, sys, threading
import kopf
from labkubeflow.common.controller import run_controller

logging.basicConfig()
def run(**_):
    if {fails}:
        raise OSError("no name of the API server is known")
kopf.run = run
{start}
threading.Event().wait(60)
"""


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize(
    "start", ["run_controller()", "threading.Thread(target=run_controller, daemon=True).start()"]
)
def test_the_process_ends_with_it_in_whatever_thread_it_was(start: str, fails: bool) -> None:
    code = f"import sys; sys.path[:] = {sys.path!r}\n" + STARTED.format(start=start, fails=fails)
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 1
    assert ("no name of the API server is known" in ended.stderr) == fails
