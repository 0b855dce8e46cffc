"""config: read, set and reset an application's options."""

from __future__ import annotations

import os
import sys

from . import yamlite
from .context import Context
from .errors import JujuError, UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag, format_flag

_MAX_VALUE = 5 * 1024 * 1024


def parse_pairs(words: list[str]) -> dict[str, str]:
    """Read ``key=value`` arguments; ``@file`` stands for a file's content.

    Raises:
        UsageError: malformed, or a key twice.
        JujuError: a file cannot be read.
    """
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f'expected "key=value", got "{word}"')
        if key in settings:
            raise UsageError(f'key "{key}" specified more than once')
        if value.startswith("@"):
            value = _read_value(value[1:])
        settings[key] = value
    return settings


def _read_value(path: str) -> str:
    try:
        if os.path.getsize(path) > _MAX_VALUE:
            raise JujuError("size of option file is larger than 5M")
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise JujuError(f'cannot read option from file "{path}": {error}') from None


def parse_file(text: str, application: str) -> dict[str, str]:
    """Read ``--file``: options, or options under the application's name.

    Raises:
        JujuError: the text is no such document.
    """
    try:
        document = yamlite.load(text)
    except ValueError as error:
        raise JujuError(f"cannot parse settings data: yaml: {error}") from None
    if not isinstance(document, dict):
        raise JujuError("cannot parse settings data: a mapping of options was expected")
    if isinstance(document.get(application), dict):
        document = document[application]
    for key, value in document.items():
        if isinstance(value, (dict, list)):
            raise JujuError(f'option "{key}" expected a scalar value')
    return {
        key: ("true" if value else "false")
        if isinstance(value, bool)
        else ""
        if value is None
        else str(value)
        for key, value in document.items()
    }


def config(context: Context) -> int:
    """Get, set or reset configuration of an application."""
    if not context.args or "=" in context.args[0]:
        raise UsageError("no application name specified")
    application, words = context.args[0], context.args[1:]
    path = context.option("file")
    reset = [key for item in context.option("reset") for key in item.strip(",").split(",")]
    for key in reset:
        if "=" in key:
            raise UsageError(f'--reset accepts a comma delimited set of keys "a,b,c", received: "{key}"')
    pairs = [word for word in words if "=" in word]
    if path and words:
        raise UsageError("cannot specify --file and key=value arguments simultaneously")
    if pairs and len(pairs) != len(words):
        raise UsageError("cannot set and retrieve values simultaneously")
    if len(words) > 1 and not pairs:
        raise UsageError("can only retrieve a single value, or all values")
    if reset and words and not pairs:
        raise UsageError("cannot reset and retrieve values simultaneously")
    settings: dict[str, str] = {}
    if path:
        try:
            if path == "-":
                text = sys.stdin.read()
            else:
                with open(path, encoding="utf-8") as stream:
                    text = stream.read()
        except OSError as error:
            raise JujuError(f"open {path}: {(error.strerror or '').lower()}") from None
        settings = parse_file(text, application)
    elif pairs:
        settings = parse_pairs(words)
    api, model = context.model()
    if reset:
        api.call("ConfigReset", model=model, application=application, keys=reset)
    if settings:
        unchanged = api.call("ConfigSet", model=model, application=application, settings=settings)
        for key in unchanged:
            context.info(f'WARNING the configuration setting "{key}" already has the value "{settings[key]}"')
    if settings or reset or path:
        return 0
    form = context.format("yaml", "json")
    document = api.call("ConfigGet", model=model, application=application)
    if not words:
        context.emit(document, form)
        return 0
    key = words[0]
    if key not in document["settings"]:
        raise JujuError(f'key "{key}" not found in "{application}" application config or charm settings.')
    value = document["settings"][key].get("value")
    text = "" if value is None else ("true" if value else "false") if isinstance(value, bool) else str(value)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return 0


COMMANDS = (
    Command(
        "config",
        config,
        args="<application name> [--reset <key[,key]>] [<attribute-key>][=<value>] ...]",
        purpose="Gets, sets, or resets configuration for a deployed application.",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            Flag("file", text="Path to yaml-formatted application config"),
            Flag("reset", kind="list", text="Reset the provided comma delimited keys"),
            format_flag("yaml"),
        ),
    ),
)
