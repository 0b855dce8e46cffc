"""The lines that stay when a command has ended, the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.report import text
from lab.report.events import Ended, Event, Expected, Notice, Result, Started, TaskEnded, TaskStarted
from lab.report.tasks import Timing

_MARKS = {"done": ("✓", "green"), "satisfied": ("=", "dim"), "failed": ("✗", "bold red")}
_OTHER = ("!", "yellow")


@dataclass(frozen=True)
class Line:
    """A line to print.

    Attributes:
        text: What it says.
        style: How a terminal shows it, in rich's words.
        mark: What a terminal puts before it.
    """

    text: str
    style: str = ""
    mark: str = ""


class Lines:
    """Turns the events of a command into lines; the times and what came of it are the last."""

    def __init__(self) -> None:
        self._timings: list[Timing] = []
        self._usual: float | None = None
        self._results: list[str] = []

    def __call__(self, event: Event) -> Iterator[Line]:
        """Yield the lines of an event."""
        match event:
            case Started():
                yield Line(text.heading(event), "bold")
            case Expected() if line := text.expectation(event):
                yield Line(line)
            case TaskStarted():
                self._usual = event.usual_seconds
            case TaskEnded():
                self._timings.append(
                    Timing(event.name, event.title, event.outcome, event.seconds, event.attempts, self._usual)
                )
                self._usual = None
                mark, style = _MARKS.get(event.outcome, _OTHER)
                yield Line(f"{text.number(event)} {event.title}: {text.ending(event)}", style, mark)
                for line in event.tail if event.outcome == "failed" else ():
                    yield Line(f"    | {line}")
            case Notice():
                yield Line(event.text, "yellow")
            case Result():
                self._results.append(event.text)
            case Ended():
                yield from self._last(event)
            case _:
                pass

    def _last(self, event: Ended) -> Iterator[Line]:
        if event.outcome == "done" and self._timings:
            yield Line("")
            yield from map(Line, text.timing_table(self._timings))
        for result in self._results:
            if self._timings:
                yield Line("")
            yield from map(Line, result.splitlines())
