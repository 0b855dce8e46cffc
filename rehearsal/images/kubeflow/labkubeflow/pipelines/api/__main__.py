"""`python3 -m labkubeflow.pipelines.api`: the API server, its scheduler and the engine, in one process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette

from labkubeflow.common import web
from labkubeflow.common.kube import ACCOUNT, Kube, KubeError
from labkubeflow.common.options import OptionError, Options
from labkubeflow.objectstore.keys import read_keys
from labkubeflow.pipelines.api.access import Access
from labkubeflow.pipelines.api.app import application
from labkubeflow.pipelines.api.scheduler import Scheduler
from labkubeflow.pipelines.api.service import Service
from labkubeflow.pipelines.engine.cluster import Pods
from labkubeflow.pipelines.engine.engine import Engine
from labkubeflow.pipelines.engine.objects import ObjectStore
from labkubeflow.pipelines.engine.pods import StepSettings
from labkubeflow.pipelines.store import Database, Stores
from labkubeflow.pipelines.store.database import StoreError

PORT = 8888
DATA = Path("/data/pipelines.db")
BUCKET = "mlpipeline"


def step_settings(options: Options) -> StepSettings:
    """Return what all steps have in common.

    Raises:
        OptionError: an option asks for what a rehearsal does not do.
    """
    if options.text("object-store-bucket-name") != BUCKET:
        raise OptionError(f"object-store-bucket-name: a rehearsal has the bucket {BUCKET} only")
    if options.text("driver-image"):
        raise OptionError("driver-image: a rehearsal has no driver; unset it")
    launcher = options.text("launcher-image")
    return StepSettings(launcher_image=launcher) if launcher else StepSettings()


def namespace_exists(kube: Kube, name: str) -> bool:
    """Tell whether there is a namespace that is not being deleted.

    Raises:
        OSError: that is not known.
    """
    try:
        found = kube.request("GET", f"/api/v1/namespaces/{name}")
    except KubeError as error:
        if error.status == 404:
            return False
        raise OSError(f"namespace {name}: {error}") from error
    return bool((found.get("status") or {}).get("phase") != "Terminating")


def build(options: Options, kube: Kube, namespace: str, data: Path = DATA) -> Starlette:
    """Return the application, which starts engine and scheduler when it begins to serve.

    Args:
        options: of the application.
        kube: the Kubernetes API.
        namespace: where Kubeflow is.
        data: the database.

    Raises:
        OptionError: an option cannot be used.
        StoreError: the database cannot be used.
    """
    settings = step_settings(options)
    database = Database(data)
    stores = Stores(database)
    objects = ObjectStore(settings.object_store, lambda: read_keys(kube, namespace))
    engine = Engine(Pods(kube), objects, stores.runs, settings)
    scheduler = Scheduler(stores, engine, lambda name: namespace_exists(kube, name))
    stores.runs.on_final = scheduler.wake

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        engine.resume()
        scheduler.start()
        yield
        scheduler.stop()
        engine.stop()
        objects.close()
        database.close()

    return application(Service(stores, engine, Access(kube), scheduler.wake), lifespan)


def main() -> None:
    """Serve until the pod is stopped."""
    web.log_to_stderr()
    namespace = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    try:
        web.serve(build(Options.read(), Kube.in_pod(), namespace), PORT)
    except (OptionError, StoreError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
