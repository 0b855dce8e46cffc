"""Command-line parsing in the manner of the real client's flag library.

argparse is not used: its texts, its exit codes and its treatment of options after arguments
differ, and importing it takes a noticeable part of a second in an emulated guest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Flag:
    """One option.

    Args:
        names: all spellings without dashes, for example ``"m", "model"``.
        default: the value when it is not given.
        kind: ``bool``, ``string``, ``int``, ``duration`` or ``list``.
        text: one line for ``--help``.
    """

    def __init__(self, *names: str, default: Any = "", kind: str = "string", text: str = "") -> None:
        self.names = names
        self.default = default
        self.kind = kind
        self.text = text

    @property
    def key(self) -> str:
        """The name under which the value is stored: the last spelling."""
        return self.names[-1]


class Command:
    """One command: what ``--help`` shows, its options, and the function that runs it."""

    def __init__(
        self,
        name: str,
        run: Callable[[Any], int | None],
        *,
        args: str = "",
        purpose: str = "",
        doc: str = "",
        flags: Sequence[Flag] = (),
        aliases: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.run = run
        self.args = args
        self.purpose = purpose
        self.doc = doc
        self.flags = tuple(flags)
        self.aliases = tuple(aliases)

    def help(self) -> str:
        """Render the text of ``--help``."""
        lines = [f"Usage: juju {self.name} [options] {self.args}".rstrip(), "", "Summary:", self.purpose, ""]
        lines += ["Global Options:"]
        lines += _option_lines(GLOBAL_FLAGS)
        if self.flags:
            lines += ["", "Command Options:"]
            lines += _option_lines(self.flags)
        if self.doc:
            lines += ["", "Details:", self.doc.strip("\n")]
        if self.aliases:
            lines += ["", "Aliases: " + ", ".join(self.aliases)]
        return "\n".join(lines) + "\n"


GLOBAL_FLAGS = (
    Flag("h", "help", kind="bool", default=False, text="Show help on a command or other topic."),
    Flag("debug", kind="bool", default=False, text="Equivalent to --show-log --logging-config=<root>=DEBUG"),
    Flag("logging-config", text="Specify log levels for modules"),
    Flag("quiet", kind="bool", default=False, text="Show no informational output"),
    Flag("show-log", kind="bool", default=False, text="If set, write the log file to stderr"),
    Flag("verbose", kind="bool", default=False, text="Show more verbose output"),
)
CONTROLLER_FLAG = Flag("c", "controller", text="Controller to operate in")
MODEL_FLAG = Flag("m", "model", text="Model to operate in. Accepts [<controller name>:]<model name>")
NO_BROWSER_FLAG = Flag(
    "B", "no-browser-login", kind="bool", default=False, text="Do not use web browser for authentication"
)


def format_flag(default: str) -> Flag:
    """The ``--format`` option with its default."""
    return Flag("format", default=default, text="Specify output format (json|tabular|yaml)")


def _option_lines(flags: Sequence[Flag]) -> list[str]:
    lines = []
    for flag in flags:
        spelled = ", ".join(_dashed(name) for name in flag.names)
        shown = "" if flag.kind == "bool" else f" (= {flag.default!r})"
        lines += [spelled + shown, f"    {flag.text}"]
    return lines


def _dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def parse_duration(text: str) -> float:
    """Read a duration such as ``1h30m`` or ``90s``; a bare number is refused, as in Go."""
    rest, total = text, 0.0
    if rest == "0":
        return 0.0
    while rest:
        digits = 0
        while digits < len(rest) and (rest[digits].isdigit() or rest[digits] == "."):
            digits += 1
        unit = digits
        while unit < len(rest) and rest[unit].isalpha():
            unit += 1
        if not digits:
            break
        if unit == digits:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if rest[digits:unit] not in _UNITS:
            raise ValueError(f'time: unknown unit "{rest[digits:unit]}" in duration "{text}"')
        total += float(rest[:digits]) * _UNITS[rest[digits:unit]]
        rest = rest[unit:]
    if rest or not text:
        raise ValueError(f'time: invalid duration "{text}"')
    return total


def _convert(flag: Flag, spelled: str, text: str) -> Any:
    try:
        if flag.kind == "bool":
            return {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}[text.lower()]
        if flag.kind == "int":
            return int(text)
        if flag.kind == "duration":
            return parse_duration(text)
    except (ValueError, KeyError) as error:
        reason = str(error) if flag.kind == "duration" else "parse error"
        raise UsageError(f'invalid value "{text}" for option {spelled}: {reason}') from None
    return text


def parse(flags: Sequence[Flag], argv: Sequence[str]) -> tuple[dict[str, Any], list[str], set[str]]:
    """Split a command line into option values and arguments; options may follow arguments.

    Returns:
        The values by each flag's key, the arguments, and the keys that were given.

    Raises:
        UsageError: for an unknown option, a missing or a bad value.
    """
    by_name = {name: flag for flag in flags for name in flag.names}
    values: dict[str, Any] = {f.key: ([] if f.kind == "list" else f.default) for f in flags}
    given: set[str] = set()
    arguments: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            return values, arguments + words, given
        if len(word) < 2 or not word.startswith("-"):
            arguments.append(word)
            continue
        name, has_value, text = word.lstrip("-").partition("=")
        spelled = word.partition("=")[0]
        if not word.startswith("--") and len(name) > 1:
            # -mNAME and grouped -vx: the first letter decides which it is.
            first, rest = name[0], word[2:]
            flag = by_name.get(first)
            if flag is not None and flag.kind == "bool":
                words.insert(0, "-" + rest)
                name, has_value = first, ""
            else:
                name, has_value, text = first, "=", rest.removeprefix("=")
            spelled = "-" + first
        flag = by_name.get(name)
        if flag is None or (len(name) == 1) == spelled.startswith("--"):
            raise UsageError(f"option provided but not defined: {spelled}")
        if flag.kind == "bool" and not has_value:
            value: Any = True
        else:
            if not has_value:
                if not words:
                    raise UsageError(f"option needs an argument: {spelled}")
                text = words.pop(0)
            value = _convert(flag, spelled, text)
        given.add(flag.key)
        if flag.kind == "list":
            values[flag.key].append(value)
        else:
            values[flag.key] = value
    return values, arguments, given
