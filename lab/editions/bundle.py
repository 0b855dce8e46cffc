"""Bundles: a directory with the snaps, images and box of an offline edition, and its manifest.

Whatever the lab takes from a bundle is compared with the manifest's sha256 sums first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import HostError

MANIFEST = "manifest.json"
SCHEMA = 1
_HINT = "Build it again: make bundle"


class BundleFile(BaseModel):
    """A file of the bundle; its path is relative to the bundle."""

    # Not "forbid": a newer builder may say more than this version has to know.
    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int


class BundleBox(BundleFile):
    """The Vagrant box."""

    name: str


class BundleIso(BundleFile):
    """The disk image through which the guest reads snaps and images."""

    label: str


class BundleSnap(BundleFile):
    """A snap."""

    name: str
    version: str
    classic: bool = False
    assertion: str | None = None


class BundleImage(BundleFile):
    """An archive of OCI images."""

    refs: tuple[str, ...]


class Manifest(BaseModel):
    """What is in a bundle."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = Field(alias="schema")
    edition: str
    title: str = ""
    box: BundleBox
    iso: BundleIso
    snaps: tuple[BundleSnap, ...]
    images: tuple[BundleImage, ...]

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """Every file that the manifest has a sum of."""
        return (self.box, self.iso, *self.snaps, *self.images)


def load_manifest(bundle: Path) -> Manifest:
    """Read the manifest of a bundle.

    Raises:
        HostError: There is no bundle, or its manifest is not valid.
    """
    path = bundle / MANIFEST
    try:
        manifest = Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise HostError(
            f"There is no bundle in '{bundle}'.",
            code="LAB-HOST-010",
            hint="Build it: make rehearsal (or, the bundle alone: python -m rehearsal build)",
        ) from None
    except (OSError, ValueError, ValidationError) as error:
        raise HostError(
            f"The manifest of the bundle, '{path}', is not valid: {error}", code="LAB-HOST-011", hint=_HINT
        ) from error
    if manifest.schema_version != SCHEMA:
        raise HostError(
            f"The bundle in '{bundle}' has the format {manifest.schema_version}, not {SCHEMA}.",
            code="LAB-HOST-011",
            hint=_HINT,
        )
    return manifest


def check_bundle(bundle: Path, edition: str) -> Manifest:
    """Look whether each file of a bundle is there and has the size that the manifest says.

    Args:
        bundle: The bundle's directory.
        edition: The edition that the bundle has to be for.

    Raises:
        HostError: It is for another edition, or something is missing or of another size.
    """
    manifest = load_manifest(bundle)
    if manifest.edition != edition:
        raise HostError(
            f"The bundle in '{bundle}' is for the edition '{manifest.edition}', not '{edition}'.",
            code="LAB-HOST-012",
            hint=f"Choose the edition by --edition {manifest.edition}, or another bundle by LAB_BUNDLE.",
        )
    for entry in manifest.files:
        try:
            size = (bundle / entry.file).stat().st_size
        except OSError as error:
            raise HostError(
                f"The bundle lacks '{entry.file}': {error.strerror}.", code="LAB-HOST-013", hint=_HINT
            ) from error
        if size != entry.size:
            raise _wrong(bundle, entry)
    return manifest


def verify_bundle(
    bundle: Path, edition: str, *, stamp: Path, on_file: Callable[[str], None] | None = None
) -> Manifest:
    """Compare each file of a bundle with the manifest.

    A file that was found right before is read again only if its size, time or inode has changed.

    Args:
        bundle: The bundle's directory.
        edition: The edition that the bundle has to be for.
        stamp: Where the sizes and times of the files found right are kept.
        on_file: Called with the name of each file that is about to be read.

    Raises:
        HostError: Something is missing, or is not what the manifest says.
    """
    manifest = check_bundle(bundle, edition)
    seen = _read_stamp(stamp)
    right: dict[str, list[int | str]] = {}
    for entry in manifest.files:
        path = bundle / entry.file
        stat = path.stat()
        mark: list[int | str] = [stat.st_size, stat.st_mtime_ns, stat.st_ino, entry.sha256]
        key = str(path.resolve())
        if seen.get(key) != mark:
            if on_file:
                on_file(entry.file)
            if sha256_of(path) != entry.sha256:
                raise _wrong(bundle, entry)
        right[key] = mark
    if right != seen:
        stamp.write_text(json.dumps(right), encoding="utf-8")
    return manifest


def _wrong(bundle: Path, entry: BundleFile) -> HostError:
    return HostError(
        f"'{entry.file}' in the bundle '{bundle}' is not what its manifest says.",
        code="LAB-HOST-014",
        hint=_HINT,
    )


def sha256_of(path: Path) -> str:
    """Return the sum of a file."""
    with path.open("rb") as stream:
        return sha256_of_stream(stream)


def sha256_of_stream(stream: IO[bytes]) -> str:
    """Return the sum of what is left of a stream, such as a file in an archive."""
    # IO[bytes] is all that tarfile says of its files; they are what file_digest wants.
    return hashlib.file_digest(cast(BufferedReader, stream), "sha256").hexdigest()


def _read_stamp(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
