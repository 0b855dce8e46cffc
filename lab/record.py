"""What a lab was made with, so that later commands need no flags.

`lab/vm/settings.rb` writes the same file when Vagrant is used without this package.
"""

from __future__ import annotations

import json
from pathlib import Path

from lab.files import replace_file

RECORD = "lab.json"
SCHEMA = 1
_KEYS = ("edition", "provider", "box")


def write_record(directory: Path, *, edition: str, provider: str, box: Path | str | None = None) -> None:
    """Remember what a lab was made with.

    Args:
        directory: The state directory of the lab.
        edition: Its edition.
        provider: The provider of its machine.
        box: The box that the machine is made from, if `lab bake` has packed it.
    """
    record = {"schema": SCHEMA, "edition": edition, "provider": provider}
    if box is not None:
        record["box"] = str(box)
    replace_file(directory / RECORD, json.dumps(record, indent=2) + "\n")


def read_record(directory: Path) -> dict[str, str]:
    """Return the edition, provider and box that a lab was made with; empty if there is no such lab.

    Empty, too, if the file is damaged.
    """
    try:
        record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        return {}
    return {key: record[key] for key in _KEYS if isinstance(record.get(key), str)}
