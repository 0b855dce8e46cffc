"""The address ranges of the load balancer, as users write them."""

from __future__ import annotations

import re

# As loose as the real tool's: the numbers are not looked at, so that 10.64.140.999 passes.
_ADDRESS = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_RANGE = re.compile(rf"{_ADDRESS}(?:-{_ADDRESS}|/[0-9]{{1,2}})")


class RangeError(ValueError):
    """A range is not written as one."""


def parse_ranges(text: str) -> list[str]:
    """Splits `A-B,C/LENGTH` into its parts.

    Raises:
        RangeError: one part is neither a range nor a network.
    """
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not _RANGE.fullmatch(part):
            raise RangeError(part)
    return parts
