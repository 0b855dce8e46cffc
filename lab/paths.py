"""How paths are told to people."""

from __future__ import annotations

from pathlib import Path


def shown(path: Path) -> Path:
    """Return a path as seen from the current directory, if it is in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
