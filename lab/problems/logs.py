"""Reads the logs of a lab: what the last run of each step, and of Vagrant, has to say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from lab.diagnose.known_issues import Kind
from lab.plan.journal import Entry, read_entries
from lab.problems.lines import sift
from lab.problems.model import Group, Line

_BEGUN = re.compile(r"=== (?P<time>\S+) (?P<name>\S+) (check|apply|ready)(, attempt .*)?")
_ENDED = re.compile(r"=== (?P<time>\S+) (?P<outcome>[a-z]+), [\d.]+ s")
_COMMAND = re.compile(r"\$ vagrant (up|reload|halt|destroy|suspend|resume|snapshot|package)\b")
_EXIT_CODE = re.compile(r"=== exit code (?P<code>-?\d+), [\d.]+ s")
WELL = ("done", "satisfied")
TAIL_LINES = 5


def read_logs(state_dir: Path) -> tuple[list[Group], int]:
    """Return what matters in a lab's logs, newest last, and how many logs there are."""
    paths = [path for path in sorted((state_dir / "logs").glob("*.log")) if path.stem != "lab"]
    journal = state_dir / "journal.json"
    # Without a journal there is no lab any more, and its logs tell of its end.
    entries = read_entries(journal) if journal.is_file() else None
    groups = [step_group(path) for path in paths if entries is None or _current(path.stem, entries)]
    vagrant = state_dir / "vagrant.log"
    if vagrant.is_file():
        paths.append(vagrant)
        groups.append(vagrant_group(vagrant))
    found = [group for group in groups if group is not None]
    return sorted(found, key=lambda group: group.time), len(paths)


def step_group(path: Path) -> Group | None:
    """Return what matters of a step's last run; ``None`` if it went well."""
    lines = _last_run(_read(path))
    end = _ENDED.fullmatch(lines[-1]) if lines else None
    times = [match["time"] for line in lines if (match := _BEGUN.fullmatch(line) or _ENDED.fullmatch(line))]
    if not times:
        return None
    if end is None:
        state = "it has no end: the run was cut off, or goes on"
    elif end["outcome"] in WELL:
        # Tries that failed before one that did not are worth a word, all else is not.
        lines = [line for line in lines if line.startswith("::error ")]
        state = "it went well in the end"
        if not lines:
            return None
    else:
        state = end["outcome"]
    # Beside the steps there are scripts such as the purge.
    what = f"Step {path.stem}" if path.stem[0].isdigit() else path.stem.capitalize()
    return _group(path.stem, f"{what}: {state}", lines, "step", path, times[-1])


def vagrant_group(path: Path) -> Group | None:
    """Return what matters of the last command that changed the machine; ``None`` if it went well."""
    sections: list[list[str]] = [[]]
    for line in _read(path):
        if line.startswith("$ "):
            sections.append([])
        sections[-1].append(line)
    # What Vagrant was only asked changes nothing.
    changes = [section for section in sections if section and _COMMAND.match(section[0])]
    if not changes:
        return None
    first, *lines = changes[-1]
    end = next((match for line in lines if (match := _EXIT_CODE.fullmatch(line))), None)
    if end and end["code"] == "0":
        return None
    command = " ".join(first.split()[1:3])
    state = f"failed with exit code {end['code']}" if end else "it has no end: it was cut off, or goes on"
    time = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return _group("vagrant", f"{command}: {state}", lines, "vagrant", path, time)


def _current(name: str, entries: Mapping[str, Entry]) -> bool:
    """Whether a log is of the lab as it is: not of a step from before a reset, nor of one mended by hand."""
    if not name[0].isdigit():
        return True
    entry = entries.get(name)
    return entry is not None and entry.state != "satisfied"


def _group(source: str, title: str, lines: list[str], kind: Kind, path: Path, time: str) -> Group:
    found, more = sift(lines, kind)
    if not found:
        # Nothing of it looks like an error, so its last words have to do.
        said = [line for line in lines if line.strip() and not line.startswith(("===", "::"))]
        found = tuple(Line("warning", line) for line in said[-TAIL_LINES:])
    hints = [line.removeprefix("::hint ") for line in lines if line.startswith("::hint ")]
    return Group(source, title, found, more, time, hints[-1] if hints else "", path)


def _last_run(lines: Iterable[str]) -> list[str]:
    """Return the lines after the last end but one."""
    run: list[str] = []
    ended = False
    for line in lines:
        if ended:
            run, ended = [], False
        run.append(line)
        ended = _ENDED.fullmatch(line) is not None
    return run


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
