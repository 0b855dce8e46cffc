"""What a command works with, and the choice of controller and model."""

from __future__ import annotations

import json
import os
import sys

from . import yamlite
from .api import Api
from .errors import JujuError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .store import Store


class Context:
    """The options and arguments of one invocation, the user's files, and the streams."""

    def __init__(self, store: Store, values: dict[str, Any], args: list[str], given: set[str]) -> None:
        self.store = store
        self.values = values
        self.args = args
        self.given = given

    def option(self, name: str) -> Any:
        """The value of an option, given or default."""
        return self.values[name]

    def info(self, text: str) -> None:
        """A message for the user, on stderr."""
        if not self.values.get("quiet"):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def no_more_args(self, allowed: int) -> None:
        """Refuse surplus arguments."""
        if len(self.args) > allowed:
            surplus = " ".join(f'"{word}"' for word in self.args[allowed:])
            raise UsageError(f"unrecognized args: [{surplus}]")

    def emit(self, value: Any, form: str) -> None:
        """Write a document as JSON or YAML to stdout."""
        if form == "json":
            sys.stdout.write(json.dumps(value, separators=(",", ":")) + "\n")
        else:
            sys.stdout.write(yamlite.dump(value))

    def format(self, *allowed: str) -> str:
        """The value of ``--format``, checked."""
        form = str(self.values["format"])
        if form not in allowed:
            raise UsageError(f'invalid value "{form}" for option --format: unknown format "{form}"')
        return form

    def api(self, controller: str = "") -> Api:
        """The API of a controller; by default of ``--controller`` or the current one."""
        return Api.connect(self.store, controller or str(self.values.get("controller") or ""))

    def model(self) -> tuple[Api, str]:
        """The API and the model's name, by ``--model``, the environment or the current choice."""
        chosen = str(self.values.get("model") or "") or os.environ.get("JUJU_MODEL", "")
        return self.model_named(chosen)

    def model_named(self, chosen: str) -> tuple[Api, str]:
        """The API and the short name for ``[controller:][owner/]model``."""
        controller, colon, model = chosen.rpartition(":")
        if colon and not controller:
            raise UsageError(f'invalid model name "{chosen}"')
        api = Api.connect(self.store, controller)
        if not model:
            model = self.store.models(api.name)[1]
        if not model:
            raise JujuError(
                'No selected model.\n\nPlease use "juju switch" to select a model.\n'
                if self.store.models(api.name)[0]
                else f'no model selected for controller "{api.name}"'
            )
        return api, model.rpartition("/")[2]


def qualified(model: str, owner: str = "admin") -> str:
    """The full name of a model."""
    return model if "/" in model else f"{owner}/{model}"


def fresh_uuid() -> str:
    """A random UUID; the uuid module costs more to import than this."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def confirm(kind: str, name: str, context: Context) -> None:
    """Ask for the name of what is to be destroyed, unless ``--no-prompt`` was given.

    Raises:
        JujuError: any other answer, or no terminal to ask at.
    """
    if context.option("no-prompt"):
        return
    sys.stderr.write(f"\nTo continue, enter the name of the {kind} to be unregistered: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if answer != name:
        raise JujuError(f"{kind} destruction: aborted")


def table(rows: list[list[str]], right: tuple[int, ...] = ()) -> str:
    """Columns two spaces apart; the last column is not padded, as in the real client's tables."""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            if i in right:
                cells.append(cell.rjust(widths[i]))
            else:
                cells.append(cell if i == len(row) - 1 else cell.ljust(widths[i]))
        lines.append("  ".join(cells))
    return "\n".join(lines) + "\n"
