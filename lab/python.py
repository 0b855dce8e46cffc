"""The Python environment that the lab runs in, looked at with nothing but the standard library."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lab.errors import HostError
from lab.paths import shown

ROOT = Path(__file__).parents[1]
_ACTIVATE = Path(".venv", "bin", "activate")


def missing(error: ModuleNotFoundError, root: Path = ROOT) -> HostError | None:
    """Return the error to tell the user of when a requirement is not installed.

    Args:
        error: What Python said.
        root: The checkout.

    Returns:
        ``None`` if the module is the lab's own, which is a mistake in the lab.
    """
    name = (error.name or "").partition(".")[0]
    if name in ("", "lab"):
        return None
    if (root / _ACTIVATE).exists():
        hint = f"The lab's own environment has it. Once in each terminal: source {shown(root / _ACTIVATE)}"
    else:
        hint = (
            "On Debian 12 this installs all that the lab needs: scripts/setup-host.sh\n"
            "Elsewhere, in an environment of its own: pip install -c constraints.txt -e '.[acceptance,dev]'"
        )
    return HostError(f"{sys.executable} does not have the module '{name}'.", code="LAB-HOST-050", hint=hint)


def activation() -> str:
    """Return what to type so that ``python`` is this Python; empty if it is, or if nothing would help."""
    found = shutil.which("python")
    if found and Path(found).parent.samefile(Path(sys.executable).parent):
        return ""
    script = Path(sys.prefix, "bin", "activate")
    return f"source {shown(script)}" if script.exists() else ""
