"""The space of parameters that an experiment searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .names import Object

NUMBERS = ("double", "int")
LISTS = ("discrete", "categorical")
FIELDS = ("min", "max", "step", "list")


class SpaceError(Exception):
    """A parameter's space makes no sense.

    Attributes:
        field: the part of the parameter that is wrong.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Parameter:
    """A parameter; numbers are exact, so that a grid meets its last value.

    Attributes:
        name: what suggestions call it.
        kind: `double`, `int`, `discrete` or `categorical`.
        low: least value of a number.
        high: greatest value of a number.
        step: distance of a number's values; None for any value between.
        values: of a list, as text.
    """

    name: str
    kind: str
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    step: Decimal | None = None
    values: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: Object) -> Parameter:
        """Read a parameter of an experiment.

        Raises:
            SpaceError: it is not one.
        """
        name, kind = str(data.get("name") or ""), str(data.get("parameterType") or "")
        space = data.get("feasibleSpace") or {}
        if not name:
            raise SpaceError("name", "must be specified")
        if kind not in (*NUMBERS, *LISTS):
            raise SpaceError("parameterType", f'"{kind}" is not one of {", ".join((*NUMBERS, *LISTS))}')
        if not space:
            raise SpaceError("feasibleSpace", "must be specified")
        for field in sorted(set(space) - set(FIELDS)):
            raise SpaceError(f"feasibleSpace.{field}", "is not supported by Katib 0.16")
        if kind in LISTS:
            return cls(name, kind, values=_values(kind, space))
        return cls._number(name, kind, space)

    @classmethod
    def _number(cls, name: str, kind: str, space: Object) -> Parameter:
        if space.get("list"):
            raise SpaceError("feasibleSpace.list", f"is not supported for parameterType {kind}")
        for field in ("min", "max"):
            if space.get(field) in (None, ""):
                raise SpaceError(f"feasibleSpace.{field}", f"must be specified for parameterType {kind}")
        low, high = _decimal("min", kind, space["min"]), _decimal("max", kind, space["max"])
        if low > high:
            raise SpaceError("feasibleSpace", f"min {low} is greater than max {high}")
        step = _decimal("step", kind, space["step"]) if space.get("step") else None
        if step is not None and step <= 0:
            raise SpaceError("feasibleSpace.step", "must be greater than 0")
        return cls(name, kind, low, high, step or (Decimal(1) if kind == "int" else None))

    def grid(self) -> list[str]:
        """Return all values, as text.

        Raises:
            SpaceError: there is no end of them.
        """
        if self.kind in LISTS:
            return list(self.values)
        if self.step is None:
            raise SpaceError("feasibleSpace.step", "must be specified, for the algorithm is grid")
        count = math.floor((self.high - self.low) / self.step) + 1
        return [text(self.low + self.step * index) for index in range(count)]


def text(value: Decimal) -> str:
    """Return a number as people write it, without exponent."""
    return format(value.normalize(), "f")


def size(parameters: Sequence[Parameter]) -> int:
    """Return how many combinations a grid of these parameters has.

    Raises:
        SpaceError: there is no end of them.
    """
    return math.prod(len(parameter.grid()) for parameter in parameters)


def _values(kind: str, space: Object) -> tuple[str, ...]:
    for field in ("min", "max", "step"):
        if space.get(field):
            raise SpaceError(f"feasibleSpace.{field}", f"is not supported for parameterType {kind}")
    values = tuple(str(value) for value in space.get("list") or ())
    if not values:
        raise SpaceError("feasibleSpace.list", f"must be specified for parameterType {kind}")
    if len(set(values)) < len(values):
        raise SpaceError("feasibleSpace.list", "has a value twice")
    if kind == "discrete":
        for value in values:
            _decimal("list", kind, value)
    return values


def _decimal(field: str, kind: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise SpaceError(f"feasibleSpace.{field}", f'"{value}" is no number') from None
    if not number.is_finite():
        raise SpaceError(f"feasibleSpace.{field}", f'"{value}" is no finite number')
    if kind == "int" and number != number.to_integral_value():
        raise SpaceError(f"feasibleSpace.{field}", f'"{value}" is no whole number')
    return number
