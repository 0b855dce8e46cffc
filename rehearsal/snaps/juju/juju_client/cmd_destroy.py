"""destroy-model, destroy-controller, kill-controller."""

from __future__ import annotations

import sys
import time

from .api import Api
from .cmd_bootstrap import remove_controller_objects
from .context import Context, confirm, qualified
from .errors import ApiError, JujuError, UsageError
from .flags import NO_BROWSER_FLAG, Command, Flag
from .kube import Kube, KubeError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_POLL_SECONDS = 2.0
_STORAGE_LEFT = """The model has persistent storage remaining:
    {count} volume(s) and {count} filesystem(s)

To destroy the storage, run the destroy-model
command again with the "--destroy-storage" option.
"""


def _remaining(api: Api, model: str) -> dict[str, Any] | None:
    try:
        status: dict[str, Any] = api.call("ModelStatus", model=model)
        return status
    except ApiError as error:
        if error.kind == "not found":
            return None
        raise


def _wait_gone(api: Api, model: str, deadline: float) -> None:
    told = ""
    while (left := _remaining(api, model)) is not None:
        text = "Waiting for model to be removed"
        if left["applications"]:
            text += f", {left['applications']} application(s)"
        if left["volumes"]:
            text += f", {left['volumes']} volume(s), {left['volumes']} filesystems(s)"
        sys.stderr.write("." if text == told else f"\n{text}...")
        sys.stderr.flush()
        told = text
        if time.monotonic() > deadline:
            raise JujuError(f'timed out waiting for model "{model}" to be removed')
        time.sleep(_POLL_SECONDS)
    sys.stderr.write("\nModel destroyed.\n")


def destroy_model(context: Context) -> int:
    """Remove a model with all that is in it."""
    if context.option("destroy-storage") and context.option("release-storage"):
        raise UsageError("--destroy-storage and --release-storage cannot both be specified")
    if "timeout" in context.given and not context.option("force"):
        raise UsageError("--timeout can only be used with --force (dangerous)")
    if not context.args:
        raise UsageError("no model specified")
    context.no_more_args(1)
    api, model = context.model_named(context.args[0])
    if model == "controller":
        raise JujuError(
            f"\"{qualified(model)}\" is a controller; use 'juju destroy-controller' to destroy it"
        )
    status = _remaining(api, model)
    if status is None:
        raise JujuError(f"model {api.name}:{qualified(model)} not found")
    if not context.option("no-prompt"):
        names = " ".join(f'"{name}"' for name in status["names"])
        sys.stderr.write(
            f'This command will destroy the "{qualified(model)}" model and affect the following resources. '
            f"It cannot be stopped.\n\n - {status['applications']} applications will be removed\n"
            f"  - application list: {names}\n"
        )
    confirm("model", model, context)
    sys.stderr.write("Destroying model")
    if status["volumes"] and not (context.option("destroy-storage") or context.option("release-storage")):
        sys.stderr.write("\n")
        raise JujuError(f'cannot destroy model "{model}"\n\n' + _STORAGE_LEFT.format(count=status["volumes"]))
    api.call("DestroyModel", model=model)
    _wait_gone(api, model, float("inf"))
    models, current = context.store.models(api.name)
    models.pop(qualified(model), None)
    context.store.set_models(api.name, models, "" if current == qualified(model) else current)
    return 0


def _cluster(context: Context, details: dict[str, Any]) -> Kube:
    cloud = context.store.cloud(details["cloud"])
    token = context.store.credential(details["cloud"])["Token"]
    return Kube(
        cloud["endpoint"],
        "".join(cloud["ca-certificates"]),
        {"token": token},
        f"{context.store.directory}/cache",
    )


def _wait_namespace_gone(kube: Kube, namespace: str, deadline: float) -> None:
    while True:
        try:
            kube.get(f"/api/v1/namespaces/{namespace}")
        except NotFoundError:
            return
        except KubeError:
            # Busy or restarting: asked again until the deadline.
            pass
        if time.monotonic() > deadline:
            raise JujuError(f'timed out waiting for namespace "{namespace}" to be removed')
        time.sleep(_POLL_SECONDS)


def destroy_controller(context: Context) -> int:
    """Remove a controller through its own API."""
    if "model-timeout" in context.given and not context.option("force"):
        raise UsageError("--model-timeout can only be used with --force (dangerous)")
    if context.option("destroy-storage") and context.option("release-storage"):
        raise UsageError("--destroy-storage and --release-storage cannot both be specified")
    if not context.args:
        raise UsageError("no controller specified")
    context.no_more_args(1)
    name, details = context.store.controller(context.args[0])
    api = context.api(name)
    models = [entry for entry in api.call("Models") if entry["short-name"] != "controller"]
    if not context.option("no-prompt"):
        sys.stderr.write(f'This command will destroy the "{name}" controller and all its resources\n')
    confirm("controller", name, context)
    context.info("Destroying controller")
    if models and not context.option("destroy-all-models"):
        listed = "".join(f"\t{entry['name']} ({entry['status']})\n" for entry in models)
        raise JujuError(
            f'failed to destroy controller "{name}"\n\nThe controller has live models. If you want\n'
            "to destroy all models in the controller,\nrun this command again with the --destroy-all-models\n"
            f"option.\n\nModels:\n{listed}"
        )
    stored = any(entry["volumes"] for entry in models)
    if stored and not (context.option("destroy-storage") or context.option("release-storage")):
        raise JujuError(
            f'cannot destroy controller "{name}"\n\nThe controller has persistent storage remaining.\n\n'
            "To destroy the storage, run the destroy-controller\ncommand again with the "
            '"--destroy-storage" option.\n'
        )
    context.info("Waiting for model resources to be reclaimed")
    limit = float("inf")
    if "model-timeout" in context.given:
        limit = time.monotonic() + float(context.option("model-timeout"))
    for entry in models:
        api.call("DestroyModel", model=entry["short-name"])
    for entry in models:
        try:
            _wait_gone(api, entry["short-name"], limit)
        except ApiError:
            raise
        except JujuError:
            if not context.option("force"):
                raise
    context.info("All models reclaimed, cleaning up controller machines")
    _remove(context, name, details)
    return 0


def _remove(context: Context, name: str, details: dict[str, Any]) -> None:
    kube = _cluster(context, details)
    namespace = f"controller-{name}"
    remove_controller_objects(kube, namespace)
    _wait_namespace_gone(kube, namespace, time.monotonic() + 600)
    context.store.remove_controller(name)


def kill_controller(context: Context) -> int:
    """Remove a controller and its models without asking its API."""
    if not context.args:
        raise UsageError("controller name is required")
    context.no_more_args(1)
    name, details = context.store.controller(context.args[0])
    if not context.option("no-prompt"):
        sys.stderr.write(f'This command will destroy the "{name}" controller and all its resources\n')
    confirm("controller", name, context)
    kube = _cluster(context, details)
    deadline = time.monotonic() + float(context.option("timeout"))
    try:
        namespaces = kube.get("/api/v1/namespaces?labelSelector=app.kubernetes.io%2Fmanaged-by%3Djuju")[
            "items"
        ]
    except KubeError as error:
        raise JujuError(f"getting controller environ: {error}") from None
    for item in namespaces:
        meta = item["metadata"]
        owner = (meta.get("annotations") or {}).get("controller.juju.is/id")
        if owner == details["uuid"] and meta["name"] != f"controller-{name}":
            context.info(f'Killing model "{meta["name"]}"')
            kube.delete(f"/api/v1/namespaces/{meta['name']}")
            _wait_namespace_gone(kube, meta["name"], deadline)
    _remove(context, name, details)
    context.info("All models reclaimed, cleaning up controller machines")
    return 0


def unregister(context: Context) -> int:
    """Forget a controller, and leave it alone."""
    if not context.args:
        raise UsageError("controller name must be specified")
    context.no_more_args(1)
    name, _ = context.store.controller(context.args[0])
    if not context.option("no-prompt"):
        sys.stderr.write(
            f'This command will remove connection information for controller "{name}".\n'
            "The controller will not be destroyed but you must register it again\nif you want to access it.\n"
        )
    confirm("controller", name, context)
    context.store.remove_controller(name)
    return 0


_NO_PROMPT = Flag("no-prompt", kind="bool", default=False, text="Do not ask for confirmation")
_STORAGE = (
    Flag("destroy-storage", kind="bool", default=False, text="Destroy all storage instances"),
    Flag("release-storage", kind="bool", default=False, text="Release all storage instances"),
)
_FORCE = (
    Flag("force", kind="bool", default=False, text="Force destroy ignoring any errors"),
    Flag("no-wait", kind="bool", default=False, text="Rush through destruction without waiting"),
)

COMMANDS = (
    Command(
        "unregister",
        unregister,
        args="<controller name>",
        purpose="Unregisters a Juju controller.",
        flags=(_NO_PROMPT,),
    ),
    Command(
        "destroy-model",
        destroy_model,
        args="[<controller name>:]<model name>",
        purpose="Terminate all machines/containers and resources for a non-controller model.",
        flags=(
            NO_BROWSER_FLAG,
            _NO_PROMPT,
            *_STORAGE,
            *_FORCE,
            Flag(
                "t",
                "timeout",
                kind="duration",
                default=-1.0,
                text="Timeout for each step of force destruction",
            ),
        ),
    ),
    Command(
        "destroy-controller",
        destroy_controller,
        args="<controller name>",
        purpose="Destroys a controller.",
        flags=(
            NO_BROWSER_FLAG,
            _NO_PROMPT,
            *_STORAGE,
            *_FORCE,
            Flag(
                "destroy-all-models", kind="bool", default=False, text="Destroy all models in the controller"
            ),
            Flag(
                "model-timeout",
                kind="duration",
                default=-1.0,
                text="Timeout for each step of force destruction",
            ),
        ),
    ),
    Command(
        "kill-controller",
        kill_controller,
        args="<controller name>",
        purpose="Forcibly terminate all machines and other associated resources for a Juju controller.",
        flags=(
            NO_BROWSER_FLAG,
            _NO_PROMPT,
            Flag("t", "timeout", kind="duration", default=300.0, text="Timeout before direct destruction"),
        ),
    ),
)
