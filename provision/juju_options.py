"""Says what has to be done so that applications have the options of the settings, and those alone.

`LAB_APP_CONFIG` holds them as JSON: values by application and option. NOTES is a file that remembers which
values the lab has replaced: an option that is not named any more gets its old value back. Reads the answer of
`juju config APPLICATION --format json` on standard input, with nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # in an emulated guest each import counts
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Notes = dict[str, dict[str, Any]]
    """Replaced values by application and option; None: the charm's default."""


def wanted() -> dict[str, dict[str, Any]]:
    """Return the options of the settings."""
    found: dict[str, dict[str, Any]] = json.loads(os.environ.get("LAB_APP_CONFIG") or "{}")
    return found


def read_notes(path: str) -> Notes:
    """Return what was replaced; nothing if nothing was noted."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
            found: Notes = json.load(file)
    except (OSError, ValueError):
        return {}
    return found


def write_notes(path: str, notes: Notes) -> None:
    """Note what was replaced, whole or not at all."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({name: options for name, options in notes.items() if options}, file)
    os.replace(f"{path}.new", path)  # noqa: PTH105


def words(value: object) -> str:
    """Return a value as YAML writes it; the end of a text block does not count."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).rstrip("\n")


def literal(entry: dict[str, Any], value: object) -> str:
    """Return a value for `juju config --file`, which refuses a number where the option is text."""
    if entry.get("type") in ("int", "float", "boolean", "bool"):
        return words(value)
    return json.dumps(str(value) if not isinstance(value, bool) else words(value))


# --- questions about one application ---------------------------------------------------------------


def unknown(config: dict[str, Any], application: str, _notes: str) -> str:
    """Name the first option that the application does not have, and those it has; "" if it has all."""
    options = config["settings"]
    for option in wanted().get(application, {}):
        if option not in options:
            return f"{option}\t{', '.join(sorted(options))}"
    return ""


def is_set(config: dict[str, Any], application: str, notes: str) -> bool:
    """Whether the application has its options, and none that is not wanted any more."""
    mine = wanted().get(application, {})
    actual = config["settings"]
    there = all(
        option in actual and words(actual[option].get("value")) == words(mine[option]) for option in mine
    )
    return there and not set(read_notes(notes).get(application, {})) - set(mine)


def note(config: dict[str, Any], application: str, notes: str) -> bool:
    """Note the values that are about to be replaced for the first time."""
    found = read_notes(notes)
    replaced = found.setdefault(application, {})
    for option in wanted().get(application, {}):
        entry = config["settings"][option]
        replaced.setdefault(option, entry.get("value") if entry.get("source") == "user" else None)
    write_notes(notes, found)
    return True


def file(config: dict[str, Any], application: str, notes: str) -> str:
    """Return what `juju config --file` has to set; "" for nothing."""
    mine = wanted().get(application, {})
    back = {name: old for name, old in read_notes(notes).get(application, {}).items() if old is not None}
    options = config["settings"]
    lines = [
        f"{name}: {literal(options[name], value)}"
        for name, value in {**back, **mine}.items()
        if name in options
    ]
    return "\n  ".join([f"{application}:", *lines]) if lines else ""


def reset(config: dict[str, Any], application: str, notes: str) -> str:
    """Return the options that go back to the charm's default, separated by commas."""
    mine = wanted().get(application, {})
    noted = read_notes(notes).get(application, {})
    return ",".join(
        name for name, old in noted.items() if old is None and name not in mine and name in config["settings"]
    )


def settle(_config: dict[str, Any], application: str, notes: str) -> bool:
    """Forget the values that were put back."""
    found = read_notes(notes)
    mine = wanted().get(application, {})
    found[application] = {name: old for name, old in found.get(application, {}).items() if name in mine}
    write_notes(notes, found)
    return True


QUESTIONS: dict[str, Callable[[dict[str, Any], str, str], str | bool]] = {
    "unknown": unknown,
    "is-set": is_set,
    "note": note,
    "file": file,
    "reset": reset,
    "settle": settle,
}
USAGE = """\
usage: juju_options.py applications NOTES
usage: juju_options.py unknown|is-set|note|file|reset|settle APPLICATION NOTES < ANSWER-OF-JUJU
"""


def main(arguments: list[str]) -> int:
    """Answer one question: by what is printed, by the exit code (0 yes, 1 no), or by both."""
    match arguments:
        case ["applications", notes]:
            sys.stdout.write("".join(f"{name}\n" for name in sorted({**wanted(), **read_notes(notes)})))
            return 0
        case [question, application, notes] if question in QUESTIONS:
            config = json.load(sys.stdin)
            answer = QUESTIONS[question](config, application, notes)
        case _:
            sys.stderr.write(USAGE)
            return 64
    if isinstance(answer, str) and answer:
        sys.stdout.write(answer + "\n")
    return 0 if answer else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
