"""What is told when the lab's environment is not active."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.python import ROOT, activation, missing


def test_a_python_without_the_requirements_says_so_before_anything_else() -> None:
    # Without the site's directories, where they are installed.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "lab", "status"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 10
    assert done.stderr.startswith("LAB-HOST-050: ")
    assert "does not have the module 'click'." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["yaml", "google.protobuf"])
def test_what_helps_depends_on_what_is_there(tmp_path: Path, module: str) -> None:
    error = ModuleNotFoundError(name=module)
    told = missing(error, tmp_path)
    assert told
    assert f"module '{module.partition('.')[0]}'" in told.message
    assert "scripts/setup-host.sh" in told.hint
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    told = missing(error, tmp_path)
    assert told
    assert told.hint.endswith(f"source {tmp_path}/.venv/bin/activate")


@pytest.mark.parametrize("name", [None, "lab.nowhere"])
def test_a_mistake_of_ours_stays_one(name: str | None) -> None:
    assert missing(ModuleNotFoundError(name=name)) is None


def test_an_environment_is_to_be_activated_until_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts, other = tmp_path / ".venv" / "bin", tmp_path / "other"
    for directory in (scripts, other):
        directory.mkdir(parents=True)
        (directory / "python").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(scripts.parent))
    monkeypatch.setattr(sys, "executable", str(scripts / "python"))
    monkeypatch.setenv("PATH", str(other))
    assert activation() == "", "there is no script for it"
    (scripts / "activate").touch()
    assert activation() == f"source {scripts}/activate"
    monkeypatch.setenv("PATH", "")
    assert activation() == f"source {scripts}/activate", "Debian has no python, but python3"
    monkeypatch.chdir(tmp_path)
    assert activation() == "source .venv/bin/activate"
    monkeypatch.setenv("PATH", f"{scripts}:{other}")
    assert activation() == ""
