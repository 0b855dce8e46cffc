"""`microk8s images`."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence

from mk8s.snap import Snap, as_root, require_access, require_started


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = argparse.ArgumentParser(prog="microk8s images", description="Work with images of the node.")
    commands = made.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="import images from a file or standard input")
    importing.add_argument("image", nargs="?", default="-", metavar="FILE")
    exporting = commands.add_parser("export-local", help="export images of this node to a file")
    exporting.add_argument("output", nargs="?", default="-", metavar="FILE")
    exporting.add_argument("images", nargs="*", metavar="IMAGE")
    return made


def _import(snap: Snap, file: str) -> int:
    """Imports images; a failure is printed, but the exit code is 0, as with the real tool."""
    result = subprocess.run(as_root(snap.ctr("images", "import", file)), check=False)
    if result.returncode:
        print(f"Failed to import images: ctr ended with exit code {result.returncode}")
    return 0


def _export(snap: Snap, output: str, images: Sequence[str]) -> int:
    if not images:
        listed = subprocess.run(
            as_root(snap.ctr("images", "ls", "--quiet")), capture_output=True, text=True, check=True
        )
        images = [line for line in listed.stdout.splitlines() if not line.startswith("sha256:")]
    return subprocess.run(as_root(snap.ctr("images", "export", output, *images)), check=False).returncode


def run(snap: Snap, arguments: Sequence[str]) -> int:
    """Imports images, or exports them."""
    options = parser().parse_args(arguments)
    require_access(snap)
    require_started(snap)
    if options.command == "import":
        return _import(snap, options.image)
    return _export(snap, options.output, options.images)
