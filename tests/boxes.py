"""Boxes such as `lab bake` packs, with a few bytes for an image."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from lab.editions.baked import IMAGE, INFO, baked_name
from lab.vm.packing import write_box

PACKED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def make_box(
    target: Path,
    *,
    edition: str = "rehearsal",
    packed: datetime = PACKED,
    image: bytes = b"image",
    **info: object,
) -> Path:
    """Write a box and return its path.

    Args:
        target: Its file, in a directory without others of the image's name.
        edition: The edition of the lab in it.
        packed: When.
        image: What is in the image.
        info: What its manifest says in the place of the truth.
    """
    file = target.with_name(IMAGE)
    file.write_bytes(image)
    digest = hashlib.sha256(image).hexdigest()
    manifest = {
        "schema": 1,
        "name": baked_name(edition, digest),
        "edition": edition,
        "created": packed.isoformat(),
        "contents": "20/20 applications",
        "image": {"sha256": digest, "size": len(image)},
        "versions": {"kubernetes": {"version": "v1.29.9"}},
        **info,
    }
    write_box(target, file, virtual_gib=20, texts={INFO: json.dumps(manifest)})
    file.unlink()
    return target
