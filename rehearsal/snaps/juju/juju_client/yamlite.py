"""The small part of YAML that the client's own files use; the guest's Python has no YAML library.

Written and read: block mappings, block lists, plain and double-quoted scalars, literal blocks and the
empty flow collections ``{}`` and ``[]``. Everything else is refused, never guessed.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@+")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n", ""})


def dump(value: Any) -> str:
    """Render mappings, lists and scalars as block YAML."""
    if isinstance(value, (dict, list)) and value:
        return "\n".join(_lines(value, 0)) + "\n"
    return _scalar(value) + "\n"


def _lines(value: Any, depth: int) -> list[str]:
    pad = " " * depth
    out: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            out += _entry(f"{pad}{_scalar(str(key))}:", item, depth, is_list=isinstance(item, list))
        return out
    for item in value:
        if isinstance(item, (dict, list)) and item:
            inner = _lines(item, depth + 2)
            out += [f"{pad}- {inner[0].lstrip(' ')}", *inner[1:]]
        else:
            out += _entry(f"{pad}-", item, depth, is_list=False)
    return out


def _entry(head: str, item: Any, depth: int, *, is_list: bool) -> list[str]:
    if isinstance(item, (dict, list)) and item:
        # Lists sit at their key's own depth, as the real client writes them.
        return [head, *_lines(item, depth if is_list else depth + 2)]
    if isinstance(item, str) and "\n" in item and not item.startswith((" ", "\n")) and item[-2:] != "\n\n":
        mark = "|" if item.endswith("\n") else "|-"
        body = item[:-1] if item.endswith("\n") else item
        return [f"{head} {mark}"] + [" " * (depth + 2) + line if line else "" for line in body.split("\n")]
    return [f"{head} {_scalar(item)}"]


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    text = str(value)
    if set(text) <= _PLAIN and text.lower() not in _RESERVED and text[0].isalpha() and text[-1] != ":":
        return text
    if text and text[0] == "/" and set(text) <= _PLAIN:
        return text
    return json.dumps(text)


class YAMLError(ValueError):
    """The text is not in the part of YAML understood here."""


def load(text: str) -> Any:
    """Read what :func:`dump` writes, and hand-written files of the same kind.

    Raises:
        YAMLError: for anything else.
    """
    reader = _Reader(text.split("\n"))
    first = reader.peek()
    if first is None:
        return {}
    value = reader.block(first[0])
    if reader.peek() is not None:
        raise YAMLError(f"line {reader.at + 1}: unexpected indentation")
    return value


class _Reader:
    """A cursor over the lines."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def peek(self) -> tuple[int, str] | None:
        """The next line with content, as (indentation, text)."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            text = line.strip()
            if text and not text.startswith("#") and text != "---":
                if "\t" in line[: len(line) - len(line.lstrip())]:
                    raise YAMLError(f"line {self.at + 1}: found character '\\t' that cannot start any token")
                return len(line) - len(line.lstrip(" ")), text
            self.at += 1
        return None

    def block(self, depth: int) -> Any:
        """A mapping or a list that starts at this indentation."""
        following = self.peek()
        if following is not None and (following[1] == "-" or following[1].startswith("- ")):
            return self.sequence(depth)
        return self.mapping(depth)

    def sequence(self, depth: int) -> list[Any]:
        """All items at this indentation."""
        items: list[Any] = []
        while (following := self.peek()) is not None and following[0] == depth:
            text = following[1]
            if text != "-" and not text.startswith("- "):
                break
            rest = text[1:].strip()
            if rest and rest[0] not in "\"|'" and (": " in rest or rest.endswith(":")):
                # A mapping that begins on the item's own line.
                self.lines[self.at] = " " * (depth + 2) + rest
                items.append(self.mapping(depth + 2))
            else:
                self.at += 1
                items.append(self.value(rest, depth))
        return items

    def mapping(self, depth: int) -> dict[str, Any]:
        """All keys at this indentation."""
        result: dict[str, Any] = {}
        while (following := self.peek()) is not None and following[0] == depth:
            key, rest = _split_key(following[1], self.at)
            self.at += 1
            result[key] = self.value(rest, depth)
        return result

    def value(self, rest: str, depth: int) -> Any:
        """What follows a key or a dash."""
        if rest in ("|", "|-"):
            return self.literal(rest, depth)
        if rest:
            return _read_scalar(rest, self.at)
        following = self.peek()
        if following is None or following[0] < depth:
            return None
        if following[0] == depth:
            return self.sequence(depth) if following[1].startswith("-") else None
        return self.block(following[0])

    def literal(self, mark: str, depth: int) -> str:
        """The lines of a literal block."""
        body: list[str] = []
        inner = -1
        while self.at < len(self.lines):
            line = self.lines[self.at]
            indent = len(line) - len(line.lstrip(" "))
            if line.strip():
                if indent <= depth:
                    break
                inner = indent if inner < 0 else inner
            body.append(line[inner:] if inner >= 0 and line.strip() else "")
            self.at += 1
        while body and not body[-1]:
            body.pop()
        return "\n".join(body) + ("\n" if mark == "|" else "")


def _split_key(text: str, at: int) -> tuple[str, str]:
    if text.startswith('"'):
        try:
            key, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            raise YAMLError(f"line {at + 1}: could not read the key") from None
        rest = text[end:]
        if not rest.startswith(":"):
            raise YAMLError(f"line {at + 1}: could not find expected ':'")
        return str(key), rest[1:].strip()
    if text.endswith(":"):
        return text[:-1], ""
    key, colon, rest = text.partition(": ")
    if not colon:
        raise YAMLError(f"line {at + 1}: could not find expected ':'")
    return key.strip(), rest.strip()


def _read_scalar(text: str, at: int) -> Any:
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            raise YAMLError(f"line {at + 1}: bad quoted value") from None
    if text.startswith("'"):
        if len(text) < 2 or not text.endswith("'"):
            raise YAMLError(f"line {at + 1}: bad quoted value")
        return text[1:-1].replace("''", "'")
    if text in ("{}", "[]"):
        return {} if text == "{}" else []
    if text[0] in "{[&*!|>%@`":
        raise YAMLError(f"line {at + 1}: this kind of YAML is not supported here")
    plain = text.partition(" #")[0].rstrip()
    if plain in ("true", "false"):
        return plain == "true"
    if plain in ("null", "~"):
        return None
    for kind in (int, float):
        try:
            return kind(plain)
        except ValueError:
            continue
    return plain
