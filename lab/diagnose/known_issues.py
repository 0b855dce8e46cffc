"""The catalogue of known issues, and what recognises them in a text."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lab.diagnose.wording import plain

Kind = Literal["vagrant", "step", "juju", "event"]
"""What a text is: Vagrant's words, a step's log, a message or the log of Juju, an event or state of a pod."""

LAYERS = ("host", "vm", "network", "snapd", "microk8s", "juju", "kubeflow")
"""What needs what: trouble in a layer shows in those after it, too."""

_FILE = Path(__file__).with_name("known_issues.yaml")
_GUEST = ("step", "juju", "event")

_Patterns = dict[
    Literal["vagrant", "step", "juju", "event", "guest"], Annotated[list[str], Field(min_length=1)]
]
_Sentence = Annotated[str, Field(min_length=10, pattern=r"^\S[^\n]*$")]


class KnownIssue(BaseModel):
    """Trouble that others had before, and what helped them.

    Attributes:
        id: Stable, such as ``KI-INOTIFY``.
        title: What is wrong, in a few words.
        layer: Where its cause is.
        symptom: What one sees.
        cause_markdown: Why; commands and names of files stand between backticks.
        fix_markdown: What to do about it, in one line, written likewise.
        links: Threads about it, below ``https://github.com/``.
        patterns: Regular expressions for each kind of text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=r"^KI-[A-Z]+(-[A-Z]+)*$")
    title: _Sentence
    layer: Literal["host", "vm", "network", "snapd", "microk8s", "juju", "kubeflow"]
    symptom: _Sentence
    cause_markdown: _Sentence = Field(alias="cause")
    fix_markdown: _Sentence = Field(alias="fix")
    links: list[Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+/(issues|pull)/\d+$")]] = []
    patterns: _Patterns

    @property
    def cause(self) -> str:
        """Why, as a terminal shows it."""
        return plain(self.cause_markdown)

    @property
    def fix(self) -> str:
        """What to do about it, as a terminal shows it."""
        return plain(self.fix_markdown)

    @property
    def urls(self) -> list[str]:
        """The addresses of its threads."""
        return [f"https://github.com/{link}" for link in self.links]

    @property
    def advice(self) -> str:
        """Its name, cause and fix, in three lines."""
        return f"Known issue {self.id}: {self.title}.\nCause: {self.cause}\nFix: {self.fix}"

    def to_dict(self) -> dict[str, object]:
        """Return what a program needs to know of it."""
        return {
            "id": self.id,
            "title": self.title,
            "layer": self.layer,
            "cause": self.cause,
            "fix": self.fix,
            "links": self.urls,
        }


@functools.cache
def known_issues() -> tuple[KnownIssue, ...]:
    """Return all known issues, causes before their effects."""
    import yaml

    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[KnownIssue]).validate_python(data))


def match(text: str, kind: Kind) -> tuple[KnownIssue, ...]:
    """Return the known issues that a text speaks of, causes before their effects.

    Args:
        text: One or more lines.
        kind: What the text is.
    """
    return tuple(issue for issue, pattern in _compiled(kind) if pattern.search(text))


def first(*texts: str, kind: Kind) -> KnownIssue | None:
    """Return the deepest known issue of the first text that speaks of any.

    Args:
        texts: The text that is nearest to the trouble first.
        kind: What they are.
    """
    return next((found[0] for text in texts if (found := match(text, kind))), None)


@functools.cache
def _compiled(kind: Kind) -> tuple[tuple[KnownIssue, re.Pattern[str]], ...]:
    found = []
    for issue in known_issues():
        wanted = [*issue.patterns.get(kind, [])]
        if kind in _GUEST:
            wanted += issue.patterns.get("guest", [])
        if wanted:
            found.append((issue, re.compile("|".join(f"(?:{each})" for each in wanted), re.IGNORECASE)))
    return tuple(found)
