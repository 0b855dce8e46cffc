"""`microk8s enable` and `microk8s disable`."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
from collections.abc import Iterator, Sequence

from mk8s.actions import DISABLE, ENABLE
from mk8s.addons import ADDONS, SEVERAL_ADDONS, Request, enabled_names, parse_words
from mk8s.snap import CommandError, Snap, require_access, require_started
from mk8s.status import read_cluster, read_objects, wait_for_cluster

# How long an addon's own work waits for the API server before and after. The result is ignored, as in the
# real tool: callers have to look for themselves.
READY_SECONDS = 30


@contextlib.contextmanager
def addon_lock(snap: Snap) -> Iterator[None]:
    """Lets one command at a time change addons; another one waits, for as long as it takes."""
    with snap.addon_lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def carry_out(snap: Snap, action: str, request: Request) -> None:
    """Enables or disables one addon.

    Raises:
        CommandError: it cannot be done.
        CalledProcessError: a program failed on the way.
    """
    actions = ENABLE if action == "enable" else DISABLE
    wait_for_cluster(lambda: read_cluster(snap), READY_SECONDS)
    actions[request.name](snap, request.arguments)
    wait_for_cluster(lambda: read_cluster(snap), READY_SECONDS)


def run(snap: Snap, action: str, words: Sequence[str]) -> int:
    """Enables or disables the addons named; the first failure ends it."""
    if not words or words[0] in ("-h", "--help"):
        usage = f"Usage: microk8s {action} ADDON[:ARG]...\nAddons: {', '.join(a.name for a in ADDONS)}"
        print(usage, file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    require_access(snap)
    require_started(snap)
    with addon_lock(snap):
        objects = read_objects(snap)
        if objects is None:
            # The real tool ends in a traceback here, with the same exit code.
            raise CommandError("The API server of this node does not answer; see microk8s status.")
        enabled = enabled_names(objects)
        requests = parse_words(words)
        for request in requests:
            if request.inferred:
                print(f"Infer repository {request.repository} for addon {request.name}", file=sys.stderr)
        if len(requests) > 1:
            print(SEVERAL_ADDONS, flush=True)
        for request in requests:
            if request.name not in ENABLE or request.repository != "core":
                # Exit code 0 is what the real tool says here.
                print(f"Addon {request.title} not found")
                return 0
            if (request.name in enabled) == (action == "enable"):
                print(f"Addon {request.title} is already {action}d", flush=True)
                continue
            try:
                carry_out(snap, action, request)
            except subprocess.CalledProcessError as error:
                raise CommandError(f"Addon {request.title}: {error}", error.returncode or 1) from error
    return 0
