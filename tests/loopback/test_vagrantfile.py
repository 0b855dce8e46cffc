"""The Vagrantfile as Vagrant itself judges it, for each way in which a box can be named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.config import load_settings
from lab.process import run
from lab.vm.environment import vagrant_environment
from tests.boxes import make_box
from tests.faults.bundle import make_bundle

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("vagrant") is None, reason="needs vagrant")


@pytest.mark.parametrize("source", ["a store", "a bundle", "a box that was packed", "a box that is gone"])
def test_vagrant_accepts_it(tmp_path: Path, source: str) -> None:
    checkout = tmp_path / "a check out"
    checkout.mkdir()
    for part in ("Vagrantfile", "lab", "provision"):
        (checkout / part).symlink_to(ROOT / part)
    environ = {
        "a store": {"LAB_EDITION": "kubeflow-1.8"},
        "a bundle": {"LAB_EDITION": "rehearsal", "LAB_BUNDLE": str(make_bundle(tmp_path / "bundle"))},
        "a box that was packed": {"LAB_BOX": str(make_box(tmp_path / "lesson 3.box"))},
        "a box that is gone": {"LAB_BOX": str(tmp_path / "gone.box")},
    }[source]
    settings = load_settings(checkout, overrides={}, environ={"LAB_PROVIDER": "libvirt", **environ})
    home = {"VAGRANT_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
    command = ["vagrant", "validate", "--ignore-provider"]
    run(command, timeout=60, cwd=checkout, env={**vagrant_environment(settings), **home}).check()
