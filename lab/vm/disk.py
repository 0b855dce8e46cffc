"""The machine's disk: where its image is, what its snapshots take, and whether there is room for more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from lab.config import Settings
from lab.errors import HostError
from lab.process import Runner, run

QEMU_IMG_SECONDS = 60.0
SPARE_BYTES = 1 << 30
"""What stays free for everything else."""


def find_disk(settings: Settings) -> Path | None:
    """Return the image that is the machine's disk; ``None`` if nobody knows it, as with VirtualBox."""
    try:
        data = json.loads((settings.state_dir / "disk.json").read_text(encoding="utf-8"))
        path = Path(data["path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if path.is_file() else None


def snapshot_sizes(disk: Path, *, runner: Runner = run) -> dict[str, int]:
    """Return the bytes of memory that each snapshot in an image holds; empty if QEMU does not say."""
    # --force-share: the machine may run.
    argv = ["qemu-img", "info", "--force-share", "--output=json", str(disk)]
    try:
        result = runner(argv, timeout=QEMU_IMG_SECONDS)
        snapshots = json.loads(result.stdout).get("snapshots", []) if result.ok else []
        return {str(entry["name"]): int(entry["vm-state-size"]) for entry in snapshots}
    except (HostError, ValueError, KeyError, AttributeError):
        return {}


def allocated(disk: Path, *, runner: Runner = run) -> int:
    """Return the bytes that an image takes on the host, with all that it is built upon but without snapshots.

    Raises:
        ProcessError: QEMU's tool failed.
    """
    # --force-share: the machine may run.
    argv = ["qemu-img", "info", "--force-share", "--backing-chain", "--output=json", str(disk)]
    chain = json.loads(runner(argv, timeout=QEMU_IMG_SECONDS).check().stdout)
    memory = sum(int(entry["vm-state-size"]) for image in chain for entry in image.get("snapshots", []))
    return sum(int(image["actual-size"]) for image in chain) - memory


def require_space(directory: Path, needed: int, what: str, *, hint: str) -> None:
    """Stop before a disk gets full.

    Args:
        directory: A directory on the disk.
        needed: Bytes that may be written.
        what: What is going to be written.
        hint: What to do if there is no room for it.

    Raises:
        HostError: There is not enough room.
    """
    free = shutil.disk_usage(directory).free
    if free < needed + SPARE_BYTES:
        raise HostError(
            f"{what} may take {gib(needed)}, and only {gib(free)} are free in '{directory}'.",
            code="LAB-HOST-030",
            hint=hint,
        )


def gib(size: int) -> str:
    """Return a size for people."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
