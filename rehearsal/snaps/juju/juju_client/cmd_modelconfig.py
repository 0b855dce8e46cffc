"""model-config: read, set and reset a model's own options."""

from __future__ import annotations

import sys

from .cmd_config import parse_file
from .context import Context, table
from .errors import JujuError, UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag, format_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROXY_KEYS = ("juju-http-proxy", "juju-https-proxy", "juju-no-proxy")


def read_options(path: str) -> dict[str, str]:
    """Read a file of options.

    Raises:
        JujuError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            return parse_file(stream.read(), "")
    except OSError as error:
        raise JujuError(f"open {path}: {(error.strerror or '').lower()}") from None


def read_model_config(words: list[str]) -> dict[str, str]:
    """Read the values of ``--config``: ``key=value``, or the name of a file.

    Raises:
        UsageError: malformed.
        JujuError: a file cannot be read.
    """
    config: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            config[key] = value
        elif "/" in word or word.endswith((".yaml", ".yml")):
            config.update(read_options(word))
        else:
            raise UsageError(f'expected "key=value", got "{word}"')
    return config


def model_config(context: Context) -> int:
    """Get, set or reset options of a model."""
    pairs = [word for word in context.args if "=" in word]
    keys = [word for word in context.args if "=" not in word]
    path = context.option("file")
    reset = [key for item in context.option("reset") for key in item.split(",") if key]
    if (pairs or path) and keys:
        raise UsageError("cannot set and retrieve model values simultaneously")
    if len(keys) > 1:
        raise UsageError("can only retrieve a single value, or all values")
    settings = {**(read_options(path) if path else {}), **read_model_config(pairs)}
    api, model = context.model()
    if reset:
        api.call("ModelConfigReset", model=model, keys=reset)
    if settings:
        api.call("ModelConfigSet", model=model, settings=settings)
    if reset or settings:
        return 0
    document: dict[str, Any] = api.call("ModelConfigGet", model=model)
    if keys:
        if keys[0] not in document:
            raise JujuError(f'key "{keys[0]}" not found in {{<nil> "{model}"}} model.')
        sys.stdout.write(f"{document[keys[0]]['Value']}\n")
        return 0
    form = context.format("tabular", "json", "yaml")
    if form != "tabular":
        context.emit(document, form)
        return 0
    rows = [["Attribute", "From", "Value"]]
    rows += [[key, entry["Source"], entry["Value"]] for key, entry in sorted(document.items())]
    sys.stdout.write(table(rows))
    return 0


COMMANDS = (
    Command(
        "model-config",
        model_config,
        args="[<model-key>[=<value>] ...]",
        purpose="Displays or sets configuration values on a model.",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            Flag("file", text="Path to yaml-formatted configuration file"),
            Flag("reset", kind="list", text="Reset the provided comma delimited keys"),
            format_flag("tabular"),
        ),
    ),
)
