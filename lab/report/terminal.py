"""Renderers: one for a terminal, which moves, and one for a pipe or a file, which does not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from lab.report import text
from lab.report.events import Event, Progress, TaskEnded, TaskStarted, Waiting
from lab.report.lines import Lines

if TYPE_CHECKING:
    from rich.console import RenderableType


_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_A_SECOND = 4


class Renderer(Protocol):
    """Shows events; to be used as a context manager."""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        ...

    def __enter__(self) -> Renderer: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def make_renderer(stream: TextIO | None = None) -> Renderer:
    """Return the renderer that suits the stream."""
    stream = stream or sys.stdout
    return TerminalRenderer(stream) if stream.isatty() else PlainRenderer(stream)


class PlainRenderer:
    """One line when a task begins, whenever something changes, and when it ends."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._lines = Lines()
        self._clock = clock
        self._task: TaskStarted | None = None
        self._since = 0.0
        self._left = ""

    def __enter__(self) -> PlainRenderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case TaskStarted():
                self._task, self._since, self._left = event, self._clock(), text.left(event, 0.0)
                left = f" ({self._left})" if self._left else ""
                self._line(f"{text.number(event)} {event.title} ...{left}")
            case Progress() | Waiting():
                number = text.number(self._task) if self._task else ""
                self._line(f"{number}   {text.state(event)}{self._news()}")
        for line in self._lines(event):
            self._line(line.text)

    def _news(self) -> str:
        """Return what is left of the time, if that reads otherwise than in the line before."""
        left = text.left(self._task, self._clock() - self._since) if self._task else ""
        if left == self._left:
            return ""
        self._left = left
        return f" ({left})" if left else ""

    def _line(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        # In a pipe nothing would be seen until the buffer is full.
        self._stream.flush()


class TerminalRenderer:
    """A line for each task that ended, and below them one that moves for the task at work."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream, highlight=False)
        self._lines = Lines()
        self._clock = clock
        self._task: TaskStarted | None = None
        self._state = ""
        self._since = 0.0
        # It asks for the line that moves at once.
        self._live = Live(console=self._console, get_renderable=self._moving, transient=True)

    def __enter__(self) -> TerminalRenderer:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._task = None
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case TaskStarted():
                self._task, self._state, self._since = event, "", self._clock()
            case Progress() | Waiting():
                self._state = text.state(event)
            case TaskEnded():
                self._task = None
        for line in self._lines(event):
            mark = f"{line.mark} " if line.mark else ""
            self._console.print(f"{mark}{line.text}", style=line.style or None, markup=False, soft_wrap=True)

    def refresh(self) -> None:
        """Draw the line that moves; a thread does so all the time."""
        self._live.refresh()

    def _moving(self) -> RenderableType:
        from rich.text import Text

        if self._task is None:
            return Text("")
        elapsed = self._clock() - self._since
        frame = _FRAMES[int(elapsed * _FRAMES_A_SECOND) % len(_FRAMES)]
        parts = [
            f"{frame} {text.number(self._task)} {self._task.title}",
            ", ".join(filter(None, [text.duration(elapsed), text.left(self._task, elapsed)])),
            self._state,
        ]
        return Text("  ".join(filter(None, parts)), no_wrap=True, overflow="ellipsis")
