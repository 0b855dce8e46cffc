"""The query language of ``wait-for``, as far as it is needed.

Comparisons, ``&&``, ``||``, ``!``, parentheses, attributes, ``len(x)``, ``startsWith(a, b)``,
``endsWith(a, b)`` and ``forEach(things, thing => condition)``.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import JujuError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Scope = dict[str, Any]
    Node = Callable[[Scope], Any]

_TWO = ("==", "!=", "<=", ">=", "&&", "||", "=>")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


class QueryError(JujuError):
    """The query is not well-formed, or asks for something that does not exist."""


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "\"'":
            end = text.find(char, at + 1)
            if end < 0:
                raise QueryError("Syntax Error: unterminated string")
            found.append(("string", text[at + 1 : end]))
            at = end + 1
        elif char.isalnum() or char == "_":
            end = at
            while end < len(text) and (text[end].isalnum() or text[end] in "_-"):
                end += 1
            word = text[at:end]
            found.append(("number" if word.isdigit() else "name", word))
            at = end
        elif text[at : at + 2] in _TWO:
            found.append(("sign", text[at : at + 2]))
            at += 2
        elif char in "<>!(),.":
            found.append(("sign", char))
            at += 1
        else:
            raise QueryError(f"Syntax Error: unexpected character {char!r} at position {at + 1}")
    return found


class _Parser:
    """Recursive descent over the tokens; each method returns a function of the scope."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)

    def whole(self) -> Node:
        """The complete query."""
        if not self.tokens:
            raise QueryError("Syntax Error: empty query")
        node = self.either()
        if self.tokens:
            raise QueryError(f"Syntax Error: unexpected {self.tokens[0][1]!r}")
        return node

    def accept(self, *signs: str) -> str:
        """Take the next token if it is one of these signs."""
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def expect(self, sign: str) -> None:
        """Take this sign, or fail."""
        if not self.accept(sign):
            raise QueryError(f"Syntax Error: expected {sign!r}")

    def either(self) -> Node:
        """``a || b``."""
        node = self.both()
        while self.accept("||"):
            node = _or(node, self.both())
        return node

    def both(self) -> Node:
        """``a && b``."""
        node = self.comparison()
        while self.accept("&&"):
            node = _and(node, self.comparison())
        return node

    def comparison(self) -> Node:
        """``a == b`` and its like."""
        left = self.primary()
        sign = self.accept(*_ORDER)
        return _compare(sign, left, self.primary()) if sign else left

    def primary(self) -> Node:
        """A value, a call, a negation or a parenthesis."""
        if self.accept("!"):
            return _not(self.primary())
        if self.accept("("):
            node = self.either()
            self.expect(")")
            return node
        if not self.tokens or self.tokens[0][0] == "sign":
            raise QueryError("Syntax Error: a value was expected")
        kind, word = self.tokens.pop(0)
        if kind == "string":
            return lambda scope: word
        if kind == "number":
            number = int(word)
            return lambda scope: number
        if word in ("true", "false"):
            truth = word == "true"
            return lambda scope: truth
        if self.accept("("):
            return self.call(word)
        path = [word]
        while self.accept("."):
            if not self.tokens or self.tokens[0][0] != "name":
                raise QueryError("Syntax Error: an attribute was expected after '.'")
            path.append(self.tokens.pop(0)[1])
        return _lookup(path)

    def call(self, name: str) -> Node:
        """A function's arguments, after its opening parenthesis."""
        first = self.either()
        if name == "len":
            self.expect(")")
            return lambda scope: len(first(scope))
        self.expect(",")
        if name == "forEach":
            if not self.tokens or self.tokens[0][0] != "name":
                raise QueryError("Syntax Error: a name was expected in forEach")
            variable = self.tokens.pop(0)[1]
            self.expect("=>")
            body = self.either()
            self.expect(")")
            return _for_each(first, variable, body)
        second = self.either()
        self.expect(")")
        if name == "startsWith":
            return lambda scope: str(first(scope)).startswith(str(second(scope)))
        if name == "endsWith":
            return lambda scope: str(first(scope)).endswith(str(second(scope)))
        raise QueryError(f"Runtime Error: no function {name!r}")


def _or(left: Node, right: Node) -> Node:
    return lambda scope: bool(left(scope)) or bool(right(scope))


def _and(left: Node, right: Node) -> Node:
    return lambda scope: bool(left(scope)) and bool(right(scope))


def _not(inner: Node) -> Node:
    return lambda scope: not inner(scope)


def _compare(sign: str, left: Node, right: Node) -> Node:
    def evaluate(scope: Scope) -> bool:
        try:
            return _ORDER[sign](left(scope), right(scope))
        except TypeError:
            raise QueryError(f"Runtime Error: the two sides of {sign} cannot be compared") from None

    return evaluate


def _lookup(path: list[str]) -> Node:
    def evaluate(scope: Scope) -> Any:
        value: Any = scope
        for name in path:
            if not isinstance(value, dict) or name not in value:
                raise QueryError(f'Runtime Error: identifier "{name}" not found')
            value = value[name]
        return value

    return evaluate


def _for_each(things: Node, variable: str, body: Node) -> Node:
    def evaluate(scope: Scope) -> bool:
        found = things(scope)
        if not isinstance(found, dict):
            raise QueryError("Runtime Error: forEach expects a collection")
        # Nothing to look at is not a reached goal: the model may not be filled yet.
        return bool(found) and all(body({**scope, variable: thing}) for thing in found.values())

    return evaluate


def compile_query(text: str) -> Node:
    """Turn a query into a function of a scope.

    Raises:
        QueryError: the text is not well-formed.
    """
    return _Parser(text).whole()
