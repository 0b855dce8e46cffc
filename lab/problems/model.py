"""What problems are made of: groups of lines, one group a log or another source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.diagnose.known_issues import KnownIssue, known_issues

SCHEMA = 1


@dataclass(frozen=True)
class Line:
    """A line that matters.

    Attributes:
        level: How much.
        text: Its last wording; a line that comes back often is told once.
        count: How often it was there.
        issues: The known issues that it speaks of.
    """

    level: Literal["error", "warning"]
    text: str
    count: int = 1
    issues: tuple[KnownIssue, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the line as plain data."""
        return {
            "level": self.level,
            "text": self.text,
            "count": self.count,
            "known_issues": [issue.id for issue in self.issues],
        }


@dataclass(frozen=True)
class Group:
    """The lines of one source.

    Attributes:
        source: Its name for programs: a step's, ``vagrant``, ``status``, ``juju`` or ``pods``.
        title: Its name for people, and how it ended.
        lines: What matters, newest last.
        more: How many lines that matter were left out.
        time: When it ended, in ISO 8601; empty if nobody knows.
        advice: What the source itself said should be done.
        log: The file with all of it.
    """

    source: str
    title: str
    lines: tuple[Line, ...]
    more: int = 0
    time: str = ""
    advice: str = ""
    log: Path | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the group as plain data."""
        return {
            "source": self.source,
            "title": self.title,
            "time": self.time,
            "lines": [line.to_dict() for line in self.lines],
            "more": self.more,
            "advice": self.advice,
            "log": None if self.log is None else str(self.log),
        }


@dataclass(frozen=True)
class Problems:
    """All that is wrong with a lab, as far as anybody wrote it down.

    Attributes:
        lab: The lab's name.
        banner: The word that marks what is not the real thing.
        groups: Newest last.
        logs: How many logs were read.
        unseen: Why the VM was not looked into; empty if it was.
    """

    lab: str
    banner: str
    groups: tuple[Group, ...] = field(default=())
    logs: int = 0
    unseen: str = ""

    @property
    def issues(self) -> list[KnownIssue]:
        """The known issues among them, causes before their effects."""
        found = {issue.id for issue in _issues(self.groups)}
        return [issue for issue in known_issues() if issue.id in found]

    def to_dict(self) -> dict[str, object]:
        """Return all of it as plain data, for ``--json``."""
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "banner": self.banner,
            "logs": self.logs,
            "vm": {"looked_at": not self.unseen, "reason": self.unseen},
            "groups": [group.to_dict() for group in self.groups],
            "known_issues": [issue.to_dict() for issue in self.issues],
        }


def _issues(groups: Iterable[Group]) -> Iterable[KnownIssue]:
    for group in groups:
        for line in group.lines:
            yield from line.issues
