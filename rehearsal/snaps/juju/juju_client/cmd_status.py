"""status: the state of a model."""

from __future__ import annotations

import os
import sys
import time

from . import status_format
from .context import Context, qualified
from .errors import ApiError, JujuError, UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag, format_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def wants_iso(flag: bool, environ: str | None) -> bool:
    """Whether times are shown in UTC, by ``--utc`` or JUJU_STATUS_ISO_TIME.

    Raises:
        UsageError: the variable is no boolean.
    """
    if flag or not environ:
        return flag
    if environ not in _TRUE | _FALSE:
        raise UsageError(
            "invalid JUJU_STATUS_ISO_TIME env var, expected true|false: "
            f'strconv.ParseBool: parsing "{environ}": invalid syntax'
        )
    return environ in _TRUE


def _fetch(context: Context) -> tuple[dict[str, Any], str]:
    api, model = context.model()
    for left in range(int(context.option("retry-count")), -1, -1):
        try:
            found: dict[str, Any] = api.call("FullStatus", model=model, patterns=context.args)
            found["model"]["controller"] = api.name
            return found, model
        except ApiError:
            raise
        except JujuError:
            if not left:
                raise
            time.sleep(float(context.option("retry-delay")))
    raise AssertionError("the loop returns or raises")


def status(context: Context) -> int:
    """Show the state of a model."""
    iso = wants_iso(bool(context.option("utc")), os.environ.get("JUJU_STATUS_ISO_TIME"))
    if context.option("color") and context.option("no-color"):
        raise UsageError("cannot mix --no-color and --color")
    form = context.format("tabular", "json", "yaml", "line", "short", "oneline")
    raw, model = _fetch(context)
    document = status_format.document(raw, iso=iso)
    if form in ("json", "yaml"):
        context.emit(document, form)
    elif form == "tabular":
        sys.stdout.write(status_format.tabular(document, relations=bool(context.option("relations"))))
    else:
        sys.stdout.write(status_format.oneline(document))
    sys.stdout.flush()
    if not document["applications"]:
        if context.args:
            context.info(f"Nothing matched specified filter{'s' if len(context.args) > 1 else ''}.")
        else:
            context.info(f'Model "{qualified(model)}" is empty.')
    return 0


COMMANDS = (
    Command(
        "status",
        status,
        args="[<selector> [...]]",
        purpose="Report the status of the model, its machines, applications and units.",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            format_flag("tabular"),
            Flag("utc", kind="bool", default=False, text="Display timestamps in the UTC timezone"),
            Flag("color", kind="bool", default=False, text="Use ANSI color codes in tabular output"),
            Flag("no-color", kind="bool", default=False, text="Disable ANSI color codes in tabular output"),
            Flag("integrations", "relations", kind="bool", default=False, text="Show 'integrations' section"),
            Flag("storage", kind="bool", default=False, text="Show 'storage' section in tabular output"),
            Flag("retry-count", kind="int", default=3, text="Number of times to retry API failures"),
            Flag("retry-delay", kind="duration", default=0.1, text="Time to wait between retry attempts"),
        ),
        aliases=("show-status",),
    ),
)
