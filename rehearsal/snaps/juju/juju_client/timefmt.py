"""Times in the forms the real client prints them."""

from __future__ import annotations

import time


def offset(moment: float) -> str:
    """The local UTC offset at a moment, ``Z`` for none."""
    seconds = time.localtime(moment).tm_gmtoff
    if not seconds:
        return "Z"
    sign = "+" if seconds > 0 else "-"
    return f"{sign}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}"


def since(moment: float, *, iso: bool) -> str:
    """A status's ``since``: local time with offset, or UTC in ISO order."""
    if iso:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(moment))
    return time.strftime("%d %b %Y %H:%M:%S", time.localtime(moment)) + offset(moment)


def timestamp(moment: float, *, iso: bool) -> str:
    """The controller's time of day, as the status shows it."""
    if iso:
        return time.strftime("%H:%M:%SZ", time.gmtime(moment))
    return time.strftime("%H:%M:%S", time.localtime(moment)) + offset(moment)


def ago(seconds: float) -> str:
    """A rough age in words."""
    count = int(seconds)
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if count >= size:
            number = count // size
            return f"{number} {word}{'s' if number > 1 else ''} ago"
    return "just now"
