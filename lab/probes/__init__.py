"""Probes: what state a lab, its guest and the snap store are in. Nothing here changes anything."""

from __future__ import annotations
