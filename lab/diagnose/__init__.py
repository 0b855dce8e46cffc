"""What can go wrong, as data: the registry of error codes, and the catalogue of known issues."""

from __future__ import annotations
