"""A step: one script in ``provision/``, described by the header it starts with."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LAYER_ERRORS, UsageError

_LINE = re.compile(r"# (?P<key>[a-z]+):(?: +(?P<value>.*))?$")
_CONTINUED = re.compile(r"#   +(?P<value>\S.*)$")
_KEYS = ("title", "why", "documented", "layer", "timeout", "retries", "session")
_REQUIRED = ("title", "why", "layer", "timeout")


@dataclass(frozen=True)
class Step:
    """One step of the sequence.

    Attributes:
        name: The script's name without its suffix, such as ``20-microk8s``.
        title: What it does, in a few words.
        why: Why it is there and why it is done this way.
        documented: The lines of the documented sequence that it carries out.
        layer: Whose failure it is when it fails; decides the exit code.
        timeout: Seconds that ``apply`` and ``ready`` may take together.
        retries: How often it may be tried again after a failure that may pass.
        new_session: Whether it takes effect only in a new login.
        fingerprint: Changes when the script does.
    """

    name: str
    path: Path
    title: str
    why: str
    documented: tuple[str, ...]
    layer: str
    timeout: float
    retries: int = 0
    new_session: bool = False
    fingerprint: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the step as plain data, for ``--json``."""
        return {
            "name": self.name,
            "title": self.title,
            "why": self.why,
            "documented": list(self.documented),
            "layer": self.layer,
            "timeout": self.timeout,
            "retries": self.retries,
            "new_session": self.new_session,
        }


def parse_step(path: Path) -> Step:
    """Read a step from its script.

    Raises:
        UsageError: The header lacks something, or says something unknown.
    """
    text = path.read_text(encoding="utf-8")
    fields: dict[str, list[str]] = {}
    last = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if number == 1 and line.startswith("#!"):
            continue
        if not line.startswith("#"):
            break
        if line.rstrip() == "#":
            continue
        if (match := _CONTINUED.match(line)) and last:
            fields[last][-1] = f"{fields[last][-1]} {match['value'].strip()}".strip()
        elif match := _LINE.match(line):
            last = match["key"]
            _check_key(last, fields, path, number)
            fields.setdefault(last, []).append((match["value"] or "").strip())
        else:
            raise _invalid(path, number, f"'{line}' is neither '# key: value' nor '#   more of it'")
    for key in _REQUIRED:
        if not fields.get(key, [""])[0]:
            raise _invalid(path, 1, f"the header lacks '{key}'")

    layer = fields["layer"][0]
    if layer not in LAYER_ERRORS:
        raise _invalid(path, 1, f"there is no layer '{layer}', only {', '.join(LAYER_ERRORS)}")
    session = fields.get("session", [""])[0]
    if session not in ("", "new"):
        raise _invalid(path, 1, f"session can be 'new', not '{session}'")
    return Step(
        name=path.stem,
        path=path,
        title=fields["title"][0],
        why=fields["why"][0],
        documented=tuple(fields.get("documented", ())),
        layer=layer,
        timeout=float(_number(fields["timeout"][0], "timeout", path)),
        retries=_number(fields.get("retries", ["0"])[0], "retries", path),
        new_session=session == "new",
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:12],
    )


def _check_key(key: str, fields: dict[str, list[str]], path: Path, number: int) -> None:
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, n=1)
        guess = f"; did you mean '{near[0]}'?" if near else ""
        raise _invalid(path, number, f"unknown key '{key}'{guess}")
    if key in fields and key != "documented":
        raise _invalid(path, number, f"'{key}' is there twice")


def _number(value: str, key: str, path: Path) -> int:
    if not value.isdecimal():
        raise _invalid(path, 1, f"'{key}' must be a whole number, not '{value}'")
    return int(value)


def _invalid(path: Path, line: int, what: str) -> UsageError:
    return UsageError(f"'{path}', line {line}: {what}.", code="LAB-PLAN-001")
