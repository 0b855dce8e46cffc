"""A checkout to break, and a lab to break."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bundle import make_bundle
from tests.faults.command import Checkout
from tests.faults.rig import NAME, Rig

SOURCE = Path(__file__).parents[2]

HARD_PATH = Path("Prüfstand & andere Übel", f"a path, with blanks {'and quite long ' * 6}on purpose")
"""Where the lab under test is: what a path may hold, it holds."""


def _silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LAB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a copy of this checkout, with an environment that says nothing about labs."""
    _silence(monkeypatch)
    return Checkout.copy(SOURCE, tmp_path / "checkout")


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle that `up` takes."""
    directory = make_bundle(tmp_path / "bundle")
    monkeypatch.setenv("LAB_BUNDLE", str(directory))
    monkeypatch.setenv("LAB_EDITION", "rehearsal")
    return directory


@pytest.fixture
def ready(checkout: Checkout, bundle: Path) -> Checkout:
    """Return a checkout whose next `up` would make a machine."""
    return checkout


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """Return a rehearsal lab that is not there yet; it is taken down at the end, its logs stay."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _silence(monkeypatch)
        monkeypatch.setenv("LAB_NAME", NAME)
        monkeypatch.setenv("LAB_EDITION", "rehearsal")
        place = SOURCE / ".lab" / "faults" / HARD_PATH
        if place.exists():
            # A run that was killed may have left a machine.
            Checkout(place).lab("down", "--yes", timeout=600)
            shutil.rmtree(place)
        rig = Rig(Checkout.copy(SOURCE, place))
        yield rig
        rig.lab("down", "--yes").succeeds()


@pytest.fixture(scope="module")
def lab(rig: Rig) -> Rig:
    """A lab that is ready."""
    rig.up().succeeds()
    rig.is_ready()
    return rig
