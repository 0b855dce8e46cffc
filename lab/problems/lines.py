"""Tells the lines that matter from those that do not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from lab.diagnose.known_issues import Kind, match
from lab.problems.model import Line

LIMIT = 10
"""How many lines of one source are shown."""

_ERROR = re.compile(
    r"^::error |^E\d{4} |(?<![\w-])(error|errors|fatal|critical|panic|traceback|failed|failure)(?![\w-])",
    re.IGNORECASE,
)
_WARNING = re.compile(r"(?<![\w-])(warn|warning)(?![\w-])", re.IGNORECASE)
# "::hint" is advice, the others tell what goes on.
_TELLING = ("::hint", "::waiting", "::progress", "===")
# What changes each time that a message is repeated.
_CHANGING = re.compile(r"[0-9a-f]{8,}|\d+")


def level(text: str) -> Literal["error", "warning"] | None:
    """Return how much a line matters by its words; ``None`` if it does not."""
    if _ERROR.search(text):
        return "error"
    return "warning" if _WARNING.search(text) else None


def sift(texts: Iterable[str], kind: Kind, *, limit: int = LIMIT) -> tuple[tuple[Line, ...], int]:
    """Return the lines that matter, each once, and how many others mattered.

    Args:
        texts: Lines, oldest first.
        kind: What they are.
        limit: How many to keep: the last ones, but those that speak of known issues first.
    """
    found: dict[str, Line] = {}
    for text in texts:
        if text.startswith(_TELLING):
            continue
        issues = match(text, kind)
        weight = level(text) or ("warning" if issues else None)
        if weight is None:
            continue
        key = _CHANGING.sub("0", text)
        count = found.pop(key).count + 1 if key in found else 1
        found[key] = Line(weight, text.removeprefix("::error ").strip(), count, issues)
    lines = list(found.values())
    best = [line for line in lines if line.issues][-limit:]
    best += [line for line in reversed(lines) if not line.issues][: limit - len(best)]
    return tuple(line for line in lines if line in best), len(lines) - len(best)
