"""The cluster agent: applies launch configurations and imports images, some time after the installation."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mk8s.launch import LaunchAddon, LaunchError, parse
from mk8s.snap import Snap
from mk8s.status import read_cluster, wait_for_cluster

POLL_SECONDS = 5


def addon_command(addon: LaunchAddon) -> list[str]:
    """Returns the subcommand that brings an addon into the state asked for."""
    return ["disable" if addon.disable else "enable", ":".join([addon.name, *addon.arguments])]


def _log(text: str) -> None:
    print(text, flush=True)


def _apply(snap: Snap, file: Path) -> bool:
    """Applies a launch configuration, and tells whether it was done."""
    try:
        config = parse(file.read_text(encoding="utf-8"))
    except LaunchError as error:
        _log(f"{file.name}: {error}")
        return False
    if config.addons:
        wait_for_cluster(lambda: read_cluster(snap), timeout=0)
    for addon in config.addons:
        command = [sys.executable, "-E", "-s", "-S", str(snap.root / "python"), *addon_command(addon)]
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
            _log(f"{file.name}: addon {addon.name} failed, will be tried again")
            return False
    return True


def _import(snap: Snap, file: Path) -> bool:
    command = snap.ctr("images", "import", str(file))
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


def run(snap: Snap, arguments: Sequence[str]) -> int:
    """Looks for work every few seconds, until it is stopped; what failed is tried again."""
    del arguments
    sideload = snap.common / "etc/sideload"
    while True:
        # Images first: the addons' pods need them.
        for file in sorted(sideload.glob("*.tar")):
            if _import(snap, file):
                file.rename(file.with_suffix(".tar.loaded"))
        for file in sorted(snap.launcher.glob("*.yaml")):
            if _apply(snap, file):
                file.rename(file.with_suffix(".yaml.applied"))
        time.sleep(POLL_SECONDS)
