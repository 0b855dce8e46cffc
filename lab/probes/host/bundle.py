"""The bundle of an offline edition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lab.config import Settings
from lab.editions.bundle import Manifest, check_bundle
from lab.probes.host.finding import BUNDLE, Finding


def bundle(
    settings: Settings, directory: Path, verify: Callable[[], Manifest] | None = None
) -> Iterator[Finding]:
    """Look whether the bundle is there and whole.

    Args:
        settings: The lab.
        directory: The bundle.
        verify: Compares every file's sum; without it their sizes are compared.

    Raises:
        HostError: It is not.
    """
    manifest = check_bundle(directory, settings.edition.name) if verify is None else verify()
    size = sum(entry.size for entry in manifest.files) / 1024**2
    compared = "sizes" if verify is None else "sums"
    yield BUNDLE.ok("bundle", f"{len(manifest.files)} files, {size:.0f} MiB, {compared} right: {directory}")
