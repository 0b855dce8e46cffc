"""controllers, show-controller, switch."""

from __future__ import annotations

import sys

from . import VERSION
from .context import Context, qualified, table
from .errors import JujuError, UsageError
from .flags import NO_BROWSER_FLAG, Command, Flag, format_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def summary(context: Context) -> dict[str, Any]:
    """What ``controllers --format json`` shows."""
    known, current = context.store.controllers()
    described = {}
    for name, details in known.items():
        account = context.store.account(name)
        models, model = context.store.models(name)
        item: dict[str, Any] = {}
        if model:
            item["current-model"] = model.rpartition("/")[2]
        item |= {
            "user": account.get("user", ""),
            "access": account.get("last-known-access", ""),
            "recent-server": details["api-endpoints"][0],
            "uuid": details["uuid"],
            "api-endpoints": details["api-endpoints"],
            "ca-cert": details["ca-cert"],
            "cloud": details["cloud"],
            "region": details["region"],
            "agent-version": details["agent-version"],
            "model-count": len(models),
            "is-k8s": True,
        }
        described[name] = item
    return {"controllers": described or None, "current-controller": current}


def controllers(context: Context) -> int:
    """List controllers."""
    context.no_more_args(0)
    form = context.format("tabular", "json", "yaml")
    described = summary(context)
    if form != "tabular":
        context.emit(described, form)
        return 0
    if not described["controllers"]:
        # Raises the long message with its advice.
        context.store.controller()
    context.info("Use --refresh option with this command to see the latest information.\n")
    rows = [
        ["Controller", "Model", "User", "Access", "Cloud/Region", "Models", "Nodes", "HA", "Version"],
    ]
    for name, item in sorted((described["controllers"] or {}).items()):
        star = "*" if name == described["current-controller"] else ""
        rows.append(
            [
                name + star,
                item.get("current-model", "-"),
                item["user"],
                item["access"],
                f"{item['cloud']}/{item['region']}",
                str(item["model-count"]),
                "1",
                "-",
                item["agent-version"],
            ]
        )
    sys.stdout.write(table(rows, right=(5, 6, 7)))
    return 0


def show_controller(context: Context) -> int:
    """Show one or more controllers, asked live."""
    form = context.format("yaml", "json")
    names = context.args or [context.store.controller()[0]]
    result: dict[str, Any] = {}
    for name in names:
        name, details = context.store.controller(name)
        account = context.store.account(name)
        answer: list[dict[str, Any]] = []
        problem = ""
        try:
            answer = context.api(name).call("Models")
        except JujuError as error:
            # What the client remembers is shown all the same, and the exit code stays 0.
            problem = str(error)
        model = context.store.models(name)[1]
        item: dict[str, Any] = {
            "details": {
                "controller-uuid": details["uuid"],
                "api-endpoints": details["api-endpoints"],
                "cloud": details["cloud"],
                "region": details["region"],
                "agent-version": details["agent-version"],
                "agent-git-commit": "rehearsal",
                "controller-model-version": VERSION,
                "mongo-version": "none",
                "ca-cert": details["ca-cert"],
            },
            "models": {
                entry["short-name"]: {"model-uuid": entry["model-uuid"], "unit-count": entry["unit-count"]}
                for entry in answer
            },
            "current-model": model,
            "account": {"user": account.get("user", ""), "access": account.get("last-known-access", "")},
        }
        if context.option("show-password"):
            item["account"]["password"] = account.get("password", "")
        if problem:
            item["errors"] = [problem]
        result[name] = item
    context.emit(result, form)
    return 0


def switch(context: Context) -> int:
    """Show or change the current controller and model."""
    context.no_more_args(1)
    store = context.store
    _, current = store.controllers()
    model = store.models(current)[1] if current else ""
    shown = f"{current}:{model}" if model else current
    if not context.args:
        if not current:
            raise JujuError("no currently specified model")
        sys.stdout.write(shown + "\n")
        return 0
    target = context.args[0]
    name, colon, wanted = target.partition(":")
    known, _ = store.controllers()
    if not colon and target not in known:
        name, wanted = current, target
        if not name:
            raise JujuError(f'"{target}" is not the name of a model or controller')
    elif name not in known:
        raise JujuError(f"controller {name} not found")
    models, selected = store.models(name)
    if wanted:
        selected = qualified(wanted)
        if selected not in models:
            models = {
                m["name"]: {"uuid": m["model-uuid"], "type": "caas"} for m in context.api(name).call("Models")
            }
        if selected not in models:
            raise JujuError(
                f'cannot determine if "{target}" is a valid model: model {name}:{selected} not found'
                if colon
                else f'"{target}" is not the name of a model or controller'
            )
    store.select_controller(name)
    store.set_models(name, models, selected)
    now = f"{name}:{selected}" if selected else name
    context.info(f"{shown} (no change)" if now == shown else f"{shown or '(none)'} -> {now}")
    return 0


def _refused(context: Context) -> int:
    if context.option("refresh") and context.option("managed"):
        raise UsageError("--managed and --refresh cannot both be specified")
    return controllers(context)


COMMANDS = (
    Command(
        "controllers",
        _refused,
        purpose="Lists all controllers.",
        flags=(
            format_flag("tabular"),
            Flag(
                "refresh", kind="bool", default=False, text="Connect to each controller to download details"
            ),
            Flag("managed", kind="bool", default=False, text="Show controllers managed by JAAS"),
        ),
        aliases=("list-controllers",),
    ),
    Command(
        "show-controller",
        show_controller,
        args="[<controller name> ...]",
        purpose="Shows detailed information of a controller.",
        flags=(
            NO_BROWSER_FLAG,
            format_flag("yaml"),
            Flag("show-password", kind="bool", default=False, text="Show password for logged in user"),
        ),
    ),
    Command(
        "switch",
        switch,
        args="[<controller>|<model>|<controller>:|:<model>|<controller>:<model>]",
        purpose="Selects or identifies the current controller and model.",
    ),
)
