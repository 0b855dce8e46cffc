"""What all tests need."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Ctrl-C works in each test, and what a test does with signals ends with it.

    A shell starts a job in the background with Ctrl-C switched off, and what it starts inherits that.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """What a test's programs write has the same mode, whichever test was before it."""
    before = os.umask(0o022)
    yield
    os.umask(before)
