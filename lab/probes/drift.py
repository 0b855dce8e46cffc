"""What differs between the versions that a lab has and those that its lock says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import UsageError
from lab.probes.versions import Versions

FILE = "lab.lock"
SCHEMA = 1

_COMPARED = ("edition", "guest", "snaps", "kubernetes", "juju", "applications")
_FROM_THE_BUNDLE = "sha256"


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        what: Where it is in the lock, such as ``snaps.juju.revision``.
        locked: What the lock says; ``None`` if it is not in it.
        now: What the lab has; ``None`` if it has none.
    """

    what: str
    locked: str | None
    now: str | None


def find_drift(lock: Versions, now: Versions) -> list[Difference]:
    """Compare what a lab has with a lock, in the lock's order.

    Images count only where both have one of that name: pods come and go in a lab that is used.
    """
    before, after = (
        {key: value for part in _COMPARED for key, value in _flat(versions.get(part), part)}
        for versions in (lock, now)
    )
    locked, used = _by_repository(lock.get("images")), _by_repository(now.get("images"))
    for name in sorted(locked.keys() & used.keys()):
        before[f"images.{name}"], after[f"images.{name}"] = locked[name], used[name]
    names = [*before, *(name for name in after if name not in before)]
    return [
        Difference(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def read_lock(path: Path) -> Versions:
    """Read a lock.

    Raises:
        UsageError: There is none, or it is not a lock.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no lock '{path}'.",
            code="LAB-LOCK-001",
            hint="A good run of `python -m lab up` writes it. Or name one: --drift FILE",
        ) from None
    except (OSError, ValueError) as error:
        raise _not_a_lock(path, str(error)) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise _not_a_lock(path, f"it does not have the format {SCHEMA}")
    return data


def text(differences: list[Difference], lab: str) -> str:
    """Return a table for people."""
    if not differences:
        return f"The lab '{lab}' has what its lock says."
    rows = [("what", "lock", "now")]
    rows += [(each.what, each.locked or "-", each.now or "-") for each in differences]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    count = "One thing differs" if len(differences) == 1 else f"{len(differences)} things differ"
    return "\n".join([*(line.rstrip() for line in lines), f"{count} from the lock."])


def to_dict(differences: list[Difference], lab: str, lock: Path) -> dict[str, object]:
    """Return plain data, for ``--json``."""
    return {
        "schema": SCHEMA,
        "name": lab,
        "lock": str(lock),
        "drift": bool(differences),
        "differences": [asdict(each) for each in differences],
    }


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield each leaf with its path; what is not known is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key != _FROM_THE_BUNDLE:
                yield from _flat(inner, f"{path}.{key}")
    elif value is not None:
        yield path, str(value)


def _by_repository(images: object) -> dict[str, str]:
    """Return tags and IDs by an image's name without its tag, so that a newer tag is a difference."""
    found: dict[str, list[str]] = {}
    for image, identities in sorted(images.items()) if isinstance(images, dict) else ():
        named = image.partition("@")[0]
        name, _, tag = named.rpartition(":")
        # A registry's port is no tag, and an image without a name has only its ID.
        if not name or "/" in tag or name == "sha256":
            name, tag = named, ""
        digests = [str(identity).rpartition("@")[2] for identity in identities]
        found.setdefault(name, []).append(" ".join(filter(None, [tag, *digests])))
    return {name: ", ".join(said) for name, said in found.items()}


def _not_a_lock(path: Path, why: str) -> UsageError:
    return UsageError(
        f"'{path}' is not a lock: {why}.",
        code="LAB-LOCK-002",
        hint="Name a file that `python -m lab up` has written.",
    )
