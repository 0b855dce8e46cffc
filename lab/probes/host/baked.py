"""The box that `lab bake` has packed, from which a lab is to be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from lab.config import Settings
from lab.editions.baked import FRESH, Baked, check_baked, require_libvirt
from lab.probes.host.finding import BOX, Finding


def baked(
    settings: Settings, file: Path, now: datetime, verify: Callable[[], Baked] | None = None
) -> Iterator[Finding]:
    """Look whether the box is there, is of this edition, and is not old.

    Args:
        settings: The lab.
        file: The box.
        now: The time.
        verify: Compares its sum, too.

    Raises:
        LabError: It is not to be used.
    """
    require_libvirt(settings.provider)
    found = check_baked(file, settings.edition.name) if verify is None else verify()
    told = f"{file}: {found.contents}, {found.age(now)}"
    if found.is_stale(now):
        yield BOX.warning(
            "baked-box",
            told,
            f"It is older than {FRESH.days} days: snapd may have much to fetch, and certificates run out. "
            "A new one is packed from a lab that is ready: python -m lab bake",
        )
    else:
        yield BOX.ok("baked-box", told if verify is None else f"{told}, sum right")
