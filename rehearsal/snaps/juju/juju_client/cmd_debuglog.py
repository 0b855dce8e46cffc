"""debug-log: what the controller has logged about a model."""

from __future__ import annotations

import sys
import time

from .context import Context
from .errors import UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_BACKLOG = 10
_POLL_SECONDS = 1.0


def line(entry: dict[str, Any], *, utc: bool) -> str:
    """One entry, as the real client prints it."""
    moment = (time.gmtime if utc else time.localtime)(entry["at"])
    clock = time.strftime("%H:%M:%S", moment)
    return f"{entry['entity']}: {clock} {entry['level']} {entry['module']} {entry['message']}"


def debug_log(context: Context) -> int:
    """Show, and on a terminal follow, the log."""
    context.no_more_args(0)
    level = str(context.option("level")).upper() or "TRACE"
    if level not in _LEVELS:
        raise UsageError(f'level value "{context.option("level")}" is not one of "{", ".join(_LEVELS)}"')
    if context.option("tail") and context.option("no-tail"):
        raise UsageError("setting --tail and --no-tail not valid")
    follow = bool(context.option("tail")) or (sys.stdout.isatty() and not context.option("no-tail"))
    limit = int(context.option("limit"))
    if limit:
        follow = False
    api, model = context.model()
    backlog = 0 if context.option("replay") else int(context.option("lines"))
    wanted = {"level": level, "include": context.option("include")}
    # Replayed from the start, the limit counts from the start; otherwise from the end.
    entries = api.call("Log", model=model, after=0, last=backlog, **wanted)
    if limit:
        entries = entries[:limit]
    seen = 0
    while True:
        for entry in entries:
            seen = entry["number"]
            sys.stdout.write(line(entry, utc=bool(context.option("utc"))) + "\n")
        sys.stdout.flush()
        if not follow:
            return 0
        time.sleep(_POLL_SECONDS)
        entries = api.call("Log", model=model, after=seen, last=0, **wanted)


COMMANDS = (
    Command(
        "debug-log",
        debug_log,
        purpose="Displays log messages for a model.",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            Flag(
                "replay",
                kind="bool",
                default=False,
                text="Show the entire log and continue to append new ones",
            ),
            Flag("no-tail", kind="bool", default=False, text="Stop after returning existing log messages"),
            Flag(
                "tail", kind="bool", default=False, text="Show existing log messages and continue to append"
            ),
            Flag(
                "limit",
                kind="int",
                default=0,
                text="Exit once this many of the most recent messages are shown",
            ),
            Flag("n", "lines", kind="int", default=_BACKLOG, text="Show this many of the most recent lines"),
            Flag("l", "level", text="Log level to show, one of [TRACE, DEBUG, INFO, WARNING, ERROR]"),
            Flag("i", "include", kind="list", text="Only show log messages for these entities"),
            Flag("utc", kind="bool", default=False, text="Show times in UTC"),
        ),
    ),
)
