"""A start without what is heavy and not needed."""

from __future__ import annotations

import sys


def without_kubernetes_client() -> None:
    """Have kopf do without the package `kubernetes`; to be called before kopf is imported.

    It would import all of it in order to recognise its models, which nobody uses here: that takes ten seconds
    in an emulated guest, and half of a controller's memory.
    """
    sys.modules.setdefault("kubernetes", None)  # type: ignore[arg-type]
