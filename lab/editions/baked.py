"""Boxes that `lab bake` has packed: a lab that was ready, to be brought up elsewhere in minutes.

Such a box is a tar archive as Vagrant takes it, with `info.json` as its first member: Vagrant shows that
file (`vagrant box list --box-info`), and here it is the manifest.
"""

from __future__ import annotations

import json
import tarfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lab.editions.bundle import sha256_of_stream
from lab.errors import HostError

INFO = "info.json"
IMAGE = "box.img"
SCHEMA = 1
FRESH = timedelta(days=30)
"""How old a box may get before it is worth a word.

The older it is, the more happens when it wakes up: snapd fetches newer revisions, and certificates run out
(MicroK8s' own are for a year, as `microk8s refresh-certs --check` tells).
"""

_AGAIN = "Copy it again, or pack a new one from a lab that is ready: python -m lab bake"


class BakedImage(BaseModel):
    """The image of the disk in the archive."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Baked(BaseModel):
    """The manifest of a box.

    Attributes:
        name: What Vagrant calls it; no two boxes share one.
        edition: The edition of the lab that was packed.
        created: When.
        contents: What was in it, in a few words.
        versions: What `lab.lock` of a lab made from it would say; see docs/lock.md.
    """

    # Not "forbid": a newer lab may say more than this version has to know.
    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = Field(alias="schema")
    name: str = Field(pattern=r"^lab/baked-[a-z0-9.-]+$")
    edition: str
    created: AwareDatetime
    contents: str
    image: BakedImage
    versions: dict[str, Any]

    def age(self, now: datetime) -> str:
        """Return how old the box is, for people."""
        days = (now - self.created).days
        return "packed today" if days < 1 else f"packed {days} day{'s' * (days != 1)} ago"

    def is_stale(self, now: datetime) -> bool:
        """Whether the box is older than it should be."""
        return now - self.created > FRESH


def require_libvirt(provider: str) -> None:
    """Stop where no box can be packed or used.

    Raises:
        HostError: The provider of the machine is not libvirt.
    """
    if provider != "libvirt":
        raise HostError(
            f"Boxes of labs are for libvirt, and the VM of this lab is for {provider}.",
            code="LAB-BAKE-005",
            hint="Bring it up without a box. Vagrant packs such a VM, too, but its copies share all keys: "
            "vagrant package",
        )


def baked_name(edition: str, sha256: str) -> str:
    """Return what Vagrant is to call the box of an image."""
    return f"lab/baked-{edition}-{sha256[:12]}"


def read_baked(box: Path) -> Baked:
    """Read the manifest of a box.

    Raises:
        HostError: There is no such file, or `lab bake` has not made it.
    """
    try:
        with tarfile.open(box, "r:") as tar:
            member = tar.next()
            stream = tar.extractfile(member) if member is not None and member.name == INFO else None
            if stream is None:
                raise _foreign(box, f"it does not begin with {INFO}")
            baked = Baked.model_validate(json.loads(stream.read()))
    except FileNotFoundError:
        raise HostError(
            f"There is no box '{box}'.",
            code="LAB-BAKE-001",
            hint="Name the file by --box or LAB_BOX. This packs a lab that is ready: python -m lab bake",
        ) from None
    except OSError as error:
        raise HostError(
            f"The box '{box}' cannot be read: {error.strerror}.",
            code="LAB-BAKE-011",
            hint="Only who has packed it may read it: let them give you a copy, or the right to read it.",
        ) from error
    except (tarfile.TarError, ValueError, ValidationError) as error:
        raise _foreign(box, str(error)) from error
    if baked.schema_version != SCHEMA:
        raise _foreign(box, f"it has the format {baked.schema_version}, not {SCHEMA}")
    return baked


def check_baked(box: Path, edition: str) -> Baked:
    """Look whether a box is of an edition, and return its manifest.

    Raises:
        HostError: There is no such box, or it is of another edition.
    """
    baked = read_baked(box)
    if baked.edition != edition:
        raise HostError(
            f"The box '{box}' is of the edition '{baked.edition}', not '{edition}'.",
            code="LAB-BAKE-003",
            hint=f"Choose the edition by --edition {baked.edition}, or take another box.",
        )
    return baked


def verify_baked(box: Path, edition: str) -> Baked:
    """Compare the image in a box with the manifest.

    Args:
        box: The file.
        edition: The edition that it has to be of.

    Raises:
        HostError: It is not what the manifest says, or of another edition.
    """
    baked = check_baked(box, edition)
    try:
        found = _sum(box)
    except (OSError, tarfile.TarError, KeyError) as error:
        raise _damaged(box, str(error)) from error
    if found != baked.image.sha256:
        raise _damaged(box, "its image has another sum than the manifest says")
    return baked


def _sum(box: Path) -> str:
    with tarfile.open(box, "r:") as tar:
        stream = tar.extractfile(IMAGE)
        if stream is None:
            raise KeyError(f"its {IMAGE} is no file")
        return sha256_of_stream(stream)


def _foreign(box: Path, reason: str) -> HostError:
    return HostError(
        f"'{box}' is not a box that 'lab bake' has packed: {reason}.", code="LAB-BAKE-002", hint=_AGAIN
    )


def _damaged(box: Path, reason: str) -> HostError:
    return HostError(f"The box '{box}' is damaged: {reason}.", code="LAB-BAKE-004", hint=_AGAIN)
