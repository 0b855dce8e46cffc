"""Rounds: which experiments are due, one at a time, each again after a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from labkubeflow.common.kube import KubeError

_LOG = logging.getLogger(__name__)

Key = tuple[str, str]

SETTLE_SECONDS = 0.2
"""Changes come in bunches: a round begins only after this."""

RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0


class Rounds:
    """Runs rounds in a thread, so that events and webhook go on meanwhile.

    Args:
        do: makes a round for one experiment; returns after how many seconds it is due again, or None.
    """

    def __init__(self, do: Callable[[str, str], float | None]) -> None:
        self._do = do
        self._due: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._woken = asyncio.Event()

    def ask(self, key: Key) -> None:
        """Make a round for an experiment due, once however often it is asked for."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._due[key] = None
        self._woken.set()

    async def run(self) -> None:
        """Make rounds, for ever."""
        while True:
            await self._woken.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._woken.clear()
            while self._due:
                key = next(iter(self._due))
                del self._due[key]
                await self._round(key)

    async def _round(self, key: Key) -> None:
        try:
            again = await asyncio.to_thread(self._do, *key)
        except KubeError as error:
            # Someone else was faster: nothing to speak of, look again.
            if error.status != 409:
                _LOG.warning("%s/%s: %s", *key, error)
            again = self._later(key)
        except Exception:
            # One experiment that cannot be worked on must not hold up the others.
            _LOG.exception("%s/%s", *key)
            again = self._later(key)
        else:
            self._failures.pop(key, None)
        if again is not None and key not in self._due:
            self._timers[key] = asyncio.get_running_loop().call_later(again, self.ask, key)

    def _later(self, key: Key) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return float(min(RETRY_SECONDS * 2 ** (failures - 1), LONGEST_RETRY_SECONDS))
