"""The subcommands of `microk8s` that are written in Python, and those only the snap itself calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from mk8s.snap import CommandError, Snap

# What users may call, for the help text; the wrapper does the first four itself.
SUBCOMMANDS = (
    "config",
    "ctr",
    "kubectl",
    "version",
    "disable",
    "enable",
    "images",
    "inspect",
    "reset",
    "start",
    "status",
    "stop",
)
# What the real tool has and the rehearsal has not.
UNSUPPORTED = (
    "add-node",
    "addons",
    "cilium",
    "dashboard-proxy",
    "dbctl",
    "helm",
    "helm3",
    "istioctl",
    "join",
    "leave",
    "linkerd",
    "refresh-certs",
    "remove-node",
)

Command = Callable[[Snap, Sequence[str]], int]


def _find(name: str) -> Command | None:
    """Returns a subcommand; only its own module is imported."""
    if name in ("enable", "disable"):
        from mk8s import xable

        return lambda snap, arguments: xable.run(snap, name, arguments)
    if name == "status":
        from mk8s import status

        return status.run
    if name == "images":
        from mk8s import images

        return images.run
    if name == "inspect":
        from mk8s import inspection

        return inspection.run
    if name in ("start", "stop", "reset"):
        from mk8s import lifecycle

        return {"start": lifecycle.start, "stop": lifecycle.stop, "reset": lifecycle.reset}[name]
    if name == "wait-for-api":
        from mk8s import api

        return api.wait_until_ready
    if name == "cluster-agent":
        from mk8s import agent

        return agent.run
    if name in ("hook-install", "hook-configure", "hook-remove", "refresh-server-certificate"):
        from mk8s import hooks

        return hooks.COMMANDS[name]
    return None


def help_text() -> str:
    """Lists the subcommands."""
    return "\n".join(["Available subcommands are:", *(f"\t{name}" for name in sorted(SUBCOMMANDS))])


def main(argv: Sequence[str]) -> int:
    """Runs a subcommand and returns its exit code."""
    if not argv or argv[0] in ("help", "-h", "--help"):
        print(help_text())
        return 0 if argv else 1
    name = argv[0]
    if name in UNSUPPORTED:
        print(f"microk8s {name} is not part of the rehearsal's stand-in for MicroK8s.", file=sys.stderr)
        return 1
    command = _find(name)
    if command is None:
        print(f"'{name}' is not a valid MicroK8s subcommand.\n{help_text()}")
        return 1
    try:
        return command(Snap.from_environ(), argv[1:])
    except CommandError as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
