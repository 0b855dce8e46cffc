"""wait-for: block until a model or an application has reached a state."""

from __future__ import annotations

import time

from . import query
from .context import Context
from .errors import ApiError, JujuError, UsageError
from .flags import MODEL_FLAG, NO_BROWSER_FLAG, Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULTS = {
    "model": 'life=="alive" && status=="available"',
    "application": 'life=="alive" && status=="active"',
}
_POLL_SECONDS = 2.0


def application_scope(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """What a query may ask about an application."""
    units = {
        unit: {
            "name": unit,
            "life": "alive",
            "workload-status": status["workload-status"]["current"],
            "agent-status": status["juju-status"]["current"],
            "workload-message": status["workload-status"].get("message", ""),
        }
        for unit, status in entry.get("units", {}).items()
    }
    return {
        "name": name,
        "life": entry.get("life", "alive"),
        "status": entry["application-status"]["current"],
        "exposed": entry["exposed"],
        "scale": entry.get("scale", 0),
        "units": units,
    }


def model_scope(raw: dict[str, Any]) -> dict[str, Any]:
    """What a query may ask about a model."""
    applications = {n: application_scope(n, e) for n, e in raw["applications"].items()}
    return {
        "name": raw["model"]["name"],
        "life": "alive" if raw["model"]["model-status"]["current"] == "available" else "dying",
        "status": raw["model"]["model-status"]["current"],
        "applications": applications,
        "machines": {},
        "units": {u: s for a in applications.values() for u, s in a["units"].items()},
    }


def wait_for(context: Context) -> int:
    """Wait until a query holds."""
    if not context.args:
        raise UsageError("no entity specified: expected model or application")
    kind = context.args[0]
    if kind not in _DEFAULTS:
        raise UsageError(f"unrecognized command: juju wait-for {kind}")
    if len(context.args) < 2:
        raise UsageError(f"{kind} name must be supplied when waiting for an {kind}")
    if len(context.args) > 2:
        raise UsageError(f"only one {kind} name can be supplied as an argument to this command")
    name = context.args[1]
    holds = query.compile_query(str(context.option("query") or _DEFAULTS[kind]))
    if kind == "model":
        api, model = context.model_named(name)
    else:
        api, model = context.model()
    deadline = time.monotonic() + float(context.option("timeout"))
    while True:
        try:
            raw = api.call("FullStatus", model=model, patterns=[])
            scope: dict[str, Any] | None
            if kind == "model":
                scope = model_scope(raw)
            else:
                entry = raw["applications"].get(name)
                scope = application_scope(name, entry) if entry else None
            if scope is not None and holds(scope):
                context.info(f'{kind.capitalize()} "{name}" is running')
                return 0
        except ApiError as error:
            # A model or application that does not exist yet may still appear.
            if error.kind != "not found":
                raise
        if time.monotonic() + _POLL_SECONDS > deadline:
            raise JujuError(f'timed out waiting for "{name}" to reach goal state')
        time.sleep(_POLL_SECONDS)


COMMANDS = (
    Command(
        "wait-for",
        wait_for,
        args="<model|application> <name>",
        purpose="Wait for an entity to reach a specified state.",
        doc="Example:\n    juju wait-for model kubeflow "
        "--query='forEach(applications, app => app.status == \"active\")'",
        flags=(
            MODEL_FLAG,
            NO_BROWSER_FLAG,
            Flag("query", text="Query the goal state"),
            Flag("timeout", kind="duration", default=600.0, text="How long to wait, before timing out"),
            Flag("summary", kind="bool", default=True, text="Output a summary of the query on exit"),
        ),
    ),
)
