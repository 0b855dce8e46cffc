"""Packs the pieces: each without its secrets, with a manifest, and with a list of what is missing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from lab.collect.piece import Piece
from lab.config import Settings
from lab.masking import Mask

SCHEMA = 1


def pack(path: Path, pieces: Sequence[Piece], mask: Mask, settings: Settings, *, now: datetime) -> None:
    """Write the archive, readable by its owner alone; an older one of that name is replaced when it is whole.

    Args:
        path: The archive.
        pieces: What was asked; those without an answer are listed as missing.
        mask: Hides the secrets in every byte that is written.
        settings: The lab.
        now: The time that all files in it have.
    """
    top = path.name.removesuffix(".gz").removesuffix(".tgz").removesuffix(".tar")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as tar:
            listed = []
            for piece in pieces:
                if not piece.problem:
                    name, data = mask.text(piece.name), mask.data(piece.data)
                    _add(tar, f"{top}/{name}", data, now)
                    listed.append(_entry(piece, name, data, mask))
            missing = [_missing(piece, mask) for piece in pieces if piece.problem]
            if missing:
                _add(tar, f"{top}/MISSING.txt", "".join(_lines(missing)).encode(), now)
            manifest = {
                "schema": SCHEMA,
                "lab": settings.name,
                "edition": settings.edition.name,
                "banner": settings.banner,
                "made": now.isoformat(timespec="seconds"),
                "files": listed,
                "missing": missing,
            }
            _add(tar, f"{top}/MANIFEST.json", (json.dumps(manifest, indent=2) + "\n").encode(), now)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, name: str, data: bytes, now: datetime) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o600, now.timestamp()
    tar.addfile(info, io.BytesIO(data))


def _entry(piece: Piece, name: str, data: bytes, mask: Mask) -> dict[str, object]:
    return {
        "file": name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "source": mask.text(piece.source),
        "exit_code": piece.returncode,
        "seconds": round(piece.seconds, 2),
    }


def _missing(piece: Piece, mask: Mask) -> dict[str, str]:
    return {
        "file": mask.text(piece.name),
        "source": mask.text(piece.source),
        "why": mask.text(piece.problem),
    }


def _lines(missing: Sequence[dict[str, str]]) -> Iterator[str]:
    yield "What could not be had, and why:\n\n"
    for entry in missing:
        yield f"{entry['file']}: {entry['why']}\n"
