"""Shows the progress of a build: a status line on a terminal, plain lines otherwise."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from rehearsal.recipe import Recipe
from rehearsal.workers import Event

QUIET = 60.0
"""Seconds without a line after which a log says that the build goes on."""


class Progress:
    """Prints a line for what happens, and on a terminal one below for what is going on."""

    def __init__(self, recipes: list[Recipe], stream: TextIO | None = None) -> None:
        """Take what will be built, and where to show it: standard output unless told otherwise."""
        self._stream = stream or sys.stdout
        self._tty = self._stream.isatty()
        self._started = self._last_line = time.monotonic()
        self._total = len(recipes)
        self._numbers: dict[str, int] = {}
        self._running: dict[str, tuple[str, float]] = {}

    def tell(self, event: Event) -> None:
        """Show an event."""
        recipe = event.recipe
        number = self._numbers.setdefault(recipe.name, len(self._numbers) + 1)
        head = f"{self._head(number)} {elapsed(self._now())}"
        match event.what:
            case "started":
                self._running[recipe.name] = (recipe.kind, time.monotonic())
                self._line(f"{head}  {recipe.title}")
            case "detail" | "waiting":
                since = time.monotonic() - event.seconds
                self._running[recipe.name] = (f"{recipe.kind}: {event.text}", since)
                if not self._tty or event.what == "waiting":
                    self._line(f"{head}  {recipe.kind}: {event.text}")
            case "built" | "found":
                self._running.pop(recipe.name, None)
                took = f"done in {event.seconds:.0f} s" if event.what == "built" else "was built meanwhile"
                self._line(f"{head}  {recipe.kind}: {took}")
        self.tick()

    def tick(self) -> None:
        """Draw the status line again; without a terminal, say once a minute what is still going on."""
        now = time.monotonic()
        if not self._tty and now - self._last_line < QUIET:
            return
        parts = [f"{text} ({elapsed(now - since)})" for text, since in self._running.values()]
        text = f"{elapsed(self._now())}  " + "  |  ".join(parts)
        if not self._tty:
            self._line(f"{' ' * len(self._head(0))} {text}")
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{text if len(text) <= width else text[: width - 1] + '…'}")
        self._stream.flush()

    def close(self) -> None:
        """Remove the status line."""
        if self._tty:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _head(self, number: int) -> str:
        return f"[{number:{len(str(self._total))}}/{self._total}]"

    def _line(self, text: str) -> None:
        self.close()
        self._last_line = time.monotonic()
        self._stream.write(text + "\n")
        self._stream.flush()

    def _now(self) -> float:
        return time.monotonic() - self._started


def elapsed(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
