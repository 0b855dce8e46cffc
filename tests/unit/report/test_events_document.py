"""docs/events.md says all that events.py says."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from lab.report.events import Event, Notice
from lab.report.ndjson import SCHEMA, Envelope, event_name

DOCUMENT = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """Return the first column of the table under each heading."""
    sections = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]
    return {
        section.splitlines()[0].strip("`"): re.findall(r"^\| `(\w+)` \| \S", section, re.MULTILINE)
        for section in sections
    }


def test_every_event_and_field_is_documented_in_its_order() -> None:
    told = documented()
    envelope = list(Envelope("lab", "edition", "up").wrap(Notice("x"), datetime.now(UTC)))
    assert told.pop("Every line") == envelope[: envelope.index("event") + 1]
    assert told == {event_name(kind): [field.name for field in fields(kind)] for kind in get_args(Event)}
    assert f"| `schema` | {SCHEMA} |" in DOCUMENT


def test_no_field_of_an_event_hides_what_every_line_says() -> None:
    told = documented()
    every = set(told.pop("Every line"))
    assert not [name for name, names in told.items() if every & set(names)]
