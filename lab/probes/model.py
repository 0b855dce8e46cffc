"""What a status is made of: layers, and in each layer items that are ready or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.diagnose.known_issues import KnownIssue


@dataclass(frozen=True)
class Item:
    """One thing that is ready, not ready, or not known.

    Attributes:
        name: As its own tools call it.
        ready: ``None`` when it could not be looked at.
        since: When it got into this state, in ISO 8601; ``None`` when nobody knows.
        reason: Why it is not ready, or what is worth knowing when it is.
        required: Whether the lab counts as not ready without it.
        known_issue: The known issue that the reason speaks of.
    """

    name: str
    ready: bool | None
    since: str | None = None
    reason: str = ""
    required: bool = True
    known_issue: KnownIssue | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the item as plain data."""
        return {
            "name": self.name,
            "ready": self.ready,
            "since": self.since,
            "reason": self.reason,
            "required": self.required,
            "known_issue": self.known_issue.to_dict() if self.known_issue else None,
        }


@dataclass(frozen=True)
class Layer:
    """One layer of the lab: an item of its own, the items in it, and the exit code of its trouble."""

    own: Item
    exit_code: int
    items: tuple[Item, ...] = ()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.own.name

    @property
    def ready(self) -> bool | None:
        """Whether the layer and everything required in it is ready."""
        parts = [self.own.ready, *(item.ready for item in self.items if item.required)]
        if False in parts:
            return False
        return None if None in parts else True

    @property
    def reason(self) -> str:
        """Why the layer is not ready: its own reason, else that of the first item that is not."""
        if self.own.ready is not True:
            return self.own.reason
        for item in self.items:
            if item.required and not item.ready:
                return f"{item.name}: {item.reason}"
        return self.own.reason

    def to_dict(self) -> dict[str, object]:
        """Return the layer as plain data."""
        return {
            "name": self.name,
            "ready": self.ready,
            "since": self.own.since,
            "reason": self.reason,
            "known_issue": self.own.known_issue.to_dict() if self.own.known_issue else None,
            "items": [item.to_dict() for item in self.items],
        }


@dataclass(frozen=True)
class Status:
    """The state of a whole lab.

    Attributes:
        name: The lab's name.
        edition: Its edition.
        banner: The word that marks what is not the real thing.
        layers: From the machine upwards.
        now: The guest's clock, which the times in the items come from.
    """

    name: str
    edition: str
    banner: str
    layers: tuple[Layer, ...]
    now: datetime

    @property
    def ready(self) -> bool:
        """Whether every layer is ready."""
        return all(layer.ready for layer in self.layers)

    @property
    def exit_code(self) -> int:
        """0, or the exit code of the lowest layer that is not ready."""
        return next((layer.exit_code for layer in self.layers if not layer.ready), 0)

    @property
    def trouble(self) -> str:
        """One line about the lowest layer that is not ready; empty if all are."""
        for layer in self.layers:
            if not layer.ready:
                return f"{layer.name}: {layer.reason}"
        return ""

    @property
    def advice(self) -> str:
        """What to do; empty if every layer is ready."""
        if self.ready:
            return ""
        if not self.layers[0].ready:
            return "python -m lab up - makes the VM, or starts it, and goes on with what is missing"
        return "python -m lab heal - mends what was ready; python -m lab up - goes on with what is missing"

    def layer(self, name: str) -> Layer:
        """Return the layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)

    def to_dict(self) -> dict[str, object]:
        """Return the status as plain data, for ``--json``."""
        return {
            "schema": 1,
            "name": self.name,
            "edition": self.edition,
            "banner": self.banner,
            "ready": self.ready,
            "exit_code": self.exit_code,
            "advice": self.advice,
            "time": iso(self.now),
            "layers": [layer.to_dict() for layer in self.layers],
        }


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_epoch(text: str) -> str | None:
    """Return seconds since 1970, as ``date`` and systemd print them, as ISO 8601."""
    number = text.strip().removeprefix("@")
    try:
        return iso(datetime.fromtimestamp(float(number), UTC)) if float(number) else None
    except (ValueError, OverflowError, OSError):
        return None


_FORMATS: Sequence[str] = ("%d %b %Y %H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z")


def to_iso(text: object) -> str | None:
    """Return a time as Juju or Kubernetes print it, as ISO 8601; unchanged if it is of neither form."""
    if not isinstance(text, str) or not text.strip():
        return None
    plain = re.sub(r"\.\d+", "", text.strip())
    for form in _FORMATS:
        try:
            return iso(datetime.strptime(plain, form))
        except ValueError:
            continue
    return text


def age(since: str | None, now: datetime) -> str:
    """Return how long ago a time was, in the largest two units; empty if it is not known."""
    if since is None:
        return ""
    try:
        passed = now - datetime.fromisoformat(since)
    except (ValueError, TypeError):
        return ""
    seconds = int(max(passed, timedelta()).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
