"""A cache that is damaged: found, told, and built again, and only what is damaged."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import platformdirs
import pytest

from lab.process import run
from rehearsal import bundle
from tests.faults.command import Answer, Checkout

pytestmark = pytest.mark.timeout(1800)

BUILD_SECONDS = 1500.0


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a second cache with all that the rehearsal is built from."""
    original = Path(platformdirs.user_cache_dir("kubeflow-lab")) / "build"
    copy = tmp_path / "cache" / "kubeflow-lab" / "build"
    for recipe in bundle.recipe().walk():
        source = original / recipe.name
        assert source.is_dir(), "build the rehearsal first: python -m rehearsal build"
        shutil.copytree(source, copy / recipe.name, symlinks=True, copy_function=link_or_copy)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return copy


def rehearsal(checkout: Checkout, command: str) -> Answer:
    argv = [sys.executable, "-m", "rehearsal", command]
    return Answer.of(run(argv, timeout=BUILD_SECONDS, cwd=checkout.root))


def damage(path: Path) -> None:
    """Cut a file short, but not where a link to it is."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def test_damaged_entries_are_built_again(checkout: Checkout, cache: Path) -> None:
    rehearsal(checkout, "build").succeeds()
    (snap,) = cache.glob("snap-juju-*/juju.snap")
    (in_bundle,) = cache.glob("bundle-*/snaps/juju.snap")
    for path in (snap, in_bundle):
        damage(path)

    checkout.lab("--edition", "rehearsal", "up").refuses("LAB-HOST-014", 10, hint="make bundle")
    found = rehearsal(checkout, "verify")
    assert found.exit_code == 10
    assert "python -m rehearsal build" in found.errors
    assert {line.split()[1].partition("/")[0] for line in found.output.splitlines() if "broken" in line} == {
        snap.parent.name,
        in_bundle.parent.parent.name,
    }

    built = rehearsal(checkout, "build").succeeds().output
    assert "[2/2]" in built, "the snap and the bundle, nothing else"
    rehearsal(checkout, "verify").succeeds()
    assert in_bundle.read_bytes() == snap.read_bytes()
