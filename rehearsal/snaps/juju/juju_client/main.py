"""Dispatch: find the command, parse its options, run it, turn errors into exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from . import VERSION, flags, store
from .context import Context
from .errors import JujuError, UsageError

# Only the module of the command in question is imported: each import counts in an emulated guest.
_MODULES = {
    "add-k8s": "clouds",
    "clouds": "clouds",
    "list-clouds": "clouds",
    "remove-cloud": "clouds",
    "update-k8s": "clouds",
    "bootstrap": "bootstrap",
    "controllers": "controllers",
    "list-controllers": "controllers",
    "show-controller": "controllers",
    "switch": "controllers",
    "add-model": "models",
    "models": "models",
    "model-config": "modelconfig",
    "list-models": "models",
    "deploy": "deploy",
    "config": "config",
    "status": "status",
    "show-status": "status",
    "wait-for": "waitfor",
    "debug-log": "debuglog",
    "destroy-model": "destroy",
    "destroy-controller": "destroy",
    "kill-controller": "destroy",
    "unregister": "destroy",
}


def _load(name: str) -> flags.Command:
    module = importlib.import_module(f".cmd_{_MODULES[name]}", __package__)
    for command in module.COMMANDS:
        if name == command.name or name in command.aliases:
            found: flags.Command = command
            return found
    raise AssertionError(f"{name} is not in its module")


def _overview() -> str:
    names = sorted(n for n in _MODULES if not n.startswith(("list-", "show-status")))
    return (
        "Juju provides easy, intelligent application orchestration (this is the rehearsal's stand-in).\n\n"
        "Usage: juju help <command>\n\nCommands:\n" + "".join(f"  {name}\n" for name in [*names, "version"])
    )


def _version(argv: Sequence[str]) -> int:
    values, args, _ = flags.parse([*flags.GLOBAL_FLAGS, flags.Flag("all", kind="bool", default=False)], argv)
    if args:
        raise UsageError(f'unrecognized args: ["{args[0]}"]')
    sys.stdout.write(
        "Usage: juju version [options]\n\nSummary:\nPrint the Juju CLI client version.\n"
        if values["help"]
        else f"{VERSION}-genericlinux-amd64\n"
    )
    return 0


def _run(argv: list[str]) -> int:
    # Like the real client, before anything else: even `version` fails without the directory.
    directory = store.home(os.environ)
    store.prepare(directory)
    if not argv or argv in (["help"], ["--help"], ["-h"]):
        sys.stdout.write(_overview())
        return 0
    name, rest = argv[0], argv[1:]
    if name == "help":
        name, rest = rest[0], ["--help"]
    if name in ("version", "--version"):
        return _version(rest)
    if name.startswith("-"):
        raise UsageError(f"option provided but not defined: {name}")
    if name not in _MODULES:
        raise UsageError(f'juju: "{name}" is not a juju command. See "juju --help".')
    command = _load(name)
    values, args, given = flags.parse([*flags.GLOBAL_FLAGS, *command.flags], rest)
    if values["help"]:
        sys.stdout.write(command.help())
        return 0
    return command.run(Context(store.Store(directory), values, args, given)) or 0


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        return _run(list(argv))
    except JujuError as error:
        sys.stdout.flush()
        sys.stderr.write(f"ERROR {error}\n")
        return error.code
    except BrokenPipeError:
        # The reader went away, as with `juju status | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 1
