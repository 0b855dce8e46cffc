"""What Vagrant has to know about a lab, as environment variables; the Vagrantfile reads them."""

from __future__ import annotations

import os
from pathlib import Path

from lab.config import Settings
from lab.errors import HostError


def vagrant_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that stand above what the Vagrantfile would read itself.

    Raises:
        HostError: Vagrant needs a home directory, and this user has none.
    """
    variables = {
        # Vagrant would ask its maker for a newer version, at each command.
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_NO_COLOR": "1",
        "VAGRANT_CWD": str(settings.root),
        "LAB_NAME": settings.name,
        "LAB_EDITION": settings.edition.name,
        "LAB_PROVIDER": settings.provider,
        "LAB_CPUS": str(settings.cpus),
        "LAB_MEMORY_MIB": str(settings.memory_mib),
        "LAB_DISK_GIB": str(settings.disk_gib),
    }
    if not os.environ.get("HOME"):
        variables["HOME"] = _home()
    if settings.bundle is not None:
        variables["LAB_BUNDLE"] = str(settings.bundle.absolute())
    if settings.box is not None:
        variables["LAB_BOX"] = str(settings.box)
    for service, port in settings.ports:
        if port is not None:
            variables[f"LAB_PORTS_{service.upper()}"] = str(port)
    return variables


def _home() -> str:
    """Return the home directory for where HOME is not set, as in a job of cron or a container."""
    try:
        return str(Path.home())
    except RuntimeError as error:
        raise HostError(
            "This user has no home directory, in which Vagrant keeps its boxes.",
            code="LAB-HOST-042",
            hint="Set HOME to a directory that may be written.",
        ) from error
