"""Recognises known issues in the reasons that a status gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.probes.model import Item, Layer

if TYPE_CHECKING:
    from lab.diagnose.known_issues import Kind


def recognise(layer: Layer) -> Layer:
    """Return the layer with the known issues of everything in it that is not ready."""
    parts = (layer.own, *layer.items)
    if not any(_troubled(item) for item in parts):
        return layer
    own, *items = (_recognised(item, layer.name) for item in parts)
    return replace(layer, own=own, items=tuple(items))


def _recognised(item: Item, layer: str) -> Item:
    # Reading the catalogue takes a moment, which a lab that is well need not spend.
    from lab.diagnose.known_issues import first

    if not _troubled(item):
        return item
    kind: Kind = "juju" if layer in ("juju", "applications") else "event"
    # Some issues are known of one application only.
    return replace(item, known_issue=first(f"{item.name}: {item.reason}", kind=kind))


def _troubled(item: Item) -> bool:
    return item.ready is False and bool(item.reason)
