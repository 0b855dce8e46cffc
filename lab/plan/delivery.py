"""Brings the scripts and their settings into the guest, unless they are there already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lab.errors import VMError
from lab.plan import guest
from lab.transport.base import Transport

SECONDS = 60.0


def deliver(transport: Transport, provision_dir: Path, settings: Mapping[str, str]) -> None:
    """Make the guest's scripts and settings equal to the host's.

    What is there is compared by its sums, so that nothing that was changed in the guest stays.

    Args:
        transport: The way into the guest.
        provision_dir: The directory of the scripts.
        settings: The texts of the files with their settings, by name in the guest.
    """
    listed = transport.run(guest.sums(), timeout=SECONDS).stdout
    if _parse(listed) == _sums(provision_dir, settings):
        return
    transport.run(guest.fresh_home(), timeout=SECONDS).check(VMError, code="LAB-VM-010")
    transport.put(provision_dir, guest.PROVISION)
    for name, text in settings.items():
        transport.put_text(text, name)


def _sums(provision_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    files = {f"~/{name}": text.encode() for name, text in settings.items()}
    for path in provision_dir.rglob("*"):
        if path.is_file():
            files[f"~/{guest.PROVISION}/{path.relative_to(provision_dir).as_posix()}"] = path.read_bytes()
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _parse(listed: str) -> dict[str, str]:
    return {f"~/{name}": digest for digest, _, name in (line.partition("  ") for line in listed.splitlines())}
