"""add-model and models."""

from __future__ import annotations

import sys
import time

from .cmd_modelconfig import read_model_config
from .context import Context, qualified, table
from .errors import UsageError
from .flags import CONTROLLER_FLAG, NO_BROWSER_FLAG, Command, Flag, format_flag
from .timefmt import ago

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def add_model(context: Context) -> int:
    """Create a model and switch to it."""
    if not context.args:
        raise UsageError("model name is required")
    context.no_more_args(2)
    config = read_model_config(context.option("config"))
    name = context.args[0]
    api = context.api()
    answer = api.call("AddModel", name=name, config=config)
    models, current = context.store.models(api.name)
    models[qualified(name)] = {"uuid": answer["uuid"], "type": "caas"}
    if not context.option("no-switch"):
        current = qualified(name)
    context.store.set_models(api.name, models, current)
    cloud, region = api.details["cloud"], api.details["region"]
    context.info(f"Added '{name}' model on {cloud}/{region} with credential '{cloud}' for user 'admin'")
    return 0


def models(context: Context) -> int:
    """List the models of a controller."""
    context.no_more_args(0)
    form = context.format("tabular", "json", "yaml")
    api = context.api()
    listed: list[dict[str, Any]] = api.call("Models")
    known = {entry["name"]: {"uuid": entry["model-uuid"], "type": "caas"} for entry in listed}
    current = context.store.models(api.name)[1]
    if current not in known:
        current = ""
    context.store.set_models(api.name, known, current)
    cloud, region = api.details["cloud"], api.details["region"]
    now = time.time()
    shown = [
        {
            "name": entry["name"],
            "short-name": entry["short-name"],
            "model-uuid": entry["model-uuid"],
            "model-type": "caas",
            "controller-uuid": api.details["uuid"],
            "controller-name": api.name,
            "is-controller": entry["short-name"] == "controller",
            "owner": "admin",
            "cloud": cloud,
            "region": region,
            "credential": {"name": cloud, "owner": "admin", "cloud": cloud},
            "type": "kubernetes",
            "life": entry["life"],
            "status": {"current": entry["status"], "since": ago(now - entry["since"])},
            "unit-count": entry["unit-count"],
            "access": "admin",
            "last-connection": "just now",
            "agent-version": api.details["agent-version"],
        }
        for entry in listed
    ]
    document: dict[str, Any] = {"models": shown}
    if current:
        document["current-model"] = current.rpartition("/")[2]
    if form != "tabular":
        context.emit(document, form)
        return 0
    rows = [["Model", "Cloud/Region", "Type", "Status", "Units", "Access", "Last connection"]]
    for item in shown:
        star = "*" if item["name"] == current else ""
        rows.append(
            [
                item["short-name"] + star,
                f"{cloud}/{region}",
                "kubernetes",
                item["status"]["current"],
                str(item["unit-count"] or "-"),
                "admin",
                "just now",
            ]
        )
    sys.stdout.write(f"Controller: {api.name}\n\n" + table(rows, right=(4,)))
    return 0


COMMANDS = (
    Command(
        "add-model",
        add_model,
        args="<model name> [cloud|region|(cloud/region)]",
        purpose="Adds a workload model.",
        flags=(
            CONTROLLER_FLAG,
            NO_BROWSER_FLAG,
            Flag("config", kind="list", text="A file with model options, or one option, key=value"),
            Flag("no-switch", kind="bool", default=False, text="Do not switch to the newly created model"),
        ),
    ),
    Command(
        "models",
        models,
        purpose="Lists models a user can access on a controller.",
        flags=(
            CONTROLLER_FLAG,
            NO_BROWSER_FLAG,
            format_flag("tabular"),
            Flag(
                "all", kind="bool", default=False, text="Lists all models, regardless of user accessibility"
            ),
            Flag("uuid", kind="bool", default=False, text="Display UUID for models"),
        ),
        aliases=("list-models",),
    ),
)
