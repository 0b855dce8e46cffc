"""The controller's process: kopf watches and serves the webhooks; rounds are made where something changed.

No handler leaves finalizers on objects: a namespace can be deleted while the controller is away.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import kopf

from labkubeflow.common import certificate
from labkubeflow.common.kube import Kube

from . import names, validation
from .cluster import Cluster
from .defaults import complete
from .names import EXPERIMENT_LABEL, Object
from .reconcile import Reconciler
from .rounds import Rounds

CONFIGURATION = "katib.kubeflow.org"
"""Name of the webhook configurations, and end of the webhooks' names."""

SERVICE = "katib-controller"
CERTIFICATE = "katib-webhook-cert"
"""Name of the Secret with the webhook's certificate, as upstream's."""

HEALTH = "http://0.0.0.0:8080/healthz"
WEBHOOK_PORT = 443


class ServiceServer(kopf.WebhookServer):
    """A webhook server that the API server reaches through a service."""

    def __init__(self, namespace: str, **options: Any) -> None:
        super().__init__(**options)
        self._namespace = namespace

    async def __call__(self, fn: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        """Serve, and tell how to reach it."""
        async for config in super().__call__(fn):
            service = kopf.WebhookClientConfigService(
                name=SERVICE, namespace=self._namespace, port=WEBHOOK_PORT
            )
            yield kopf.WebhookClientConfig(service=service, caBundle=config["caBundle"])


def registry(cluster: Cluster, rounds: Rounds) -> kopf.OperatorRegistry:
    """Return all handlers of the controller."""
    made = kopf.OperatorRegistry()
    _watch(made, rounds)
    _admit(made, cluster)

    @kopf.on.login(registry=made)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs)

    return made


def _watch(made: kopf.OperatorRegistry, rounds: Rounds) -> None:
    @kopf.on.event(names.GROUP, names.VERSION, "experiments", registry=made)
    async def experiment(namespace: Any, name: str, **_: Any) -> None:
        rounds.ask((namespace, name))

    async def labelled(namespace: Any, labels: Any, **_: Any) -> None:
        rounds.ask((namespace, labels[EXPERIMENT_LABEL]))

    of_experiment = {EXPERIMENT_LABEL: kopf.PRESENT}
    kopf.on.event(names.GROUP, names.VERSION, "trials", labels=of_experiment, registry=made, id="trial")(
        labelled
    )
    kopf.on.event("batch", "v1", "jobs", labels=of_experiment, registry=made, id="job")(labelled)


def _admit(made: kopf.OperatorRegistry, cluster: Cluster) -> None:
    options: dict[str, Any] = {
        "operations": ["CREATE", "UPDATE"],
        # Katib's are neither asked for sure nor taken away when the controller ends.
        "ignore_failures": True,
        "persistent": True,
        "registry": made,
    }

    @kopf.on.mutate(names.GROUP, names.VERSION, "experiments", id="defaulter.experiment", **options)
    def defaulter(spec: Any, patch: kopf.Patch, **_: Any) -> None:
        given = dict(spec)
        changed = {key: value for key, value in complete(given).items() if given.get(key) != value}
        if changed:
            patch["spec"] = changed

    @kopf.on.validate(names.GROUP, names.VERSION, "experiments", id="validator.experiment", **options)
    def validator(body: Any, **more: Any) -> None:
        old = more.get("old")
        wrong = refusals(cluster, dict(body), None if old is None else dict(old))
        if wrong:
            raise kopf.AdmissionError("; ".join(wrong), code=400)


def refusals(cluster: Cluster, experiment: Object, old: Object | None) -> list[str]:
    """Return why an experiment is refused, a sentence a reason."""
    if experiment["metadata"].get("deletionTimestamp"):
        return []
    if old is not None:
        old = {**old, "spec": complete(old["spec"])}
    experiment = {**experiment, "spec": complete(experiment.get("spec") or {})}
    if old is not None and old["spec"] == experiment["spec"]:
        return []
    namespace = experiment["metadata"]["namespace"]
    return validation.errors(experiment, old, lambda job: cluster.try_job(namespace, job))


def settings(namespace: str, server: ServiceServer) -> kopf.OperatorSettings:
    """Return how kopf is to work."""
    made = kopf.OperatorSettings()
    made.admission.server = server
    made.admission.managed = CONFIGURATION
    made.posting.enabled = False
    made.execution.max_workers = 2
    made.watching.server_timeout = 300
    return made


async def run(namespace: str) -> None:
    """Be the controller, until the process is told to end.

    Args:
        namespace: where it and its service are.
    """
    kube = Kube.in_pod()
    cluster = Cluster(kube)
    found = await asyncio.to_thread(certificate.keep, kube, CERTIFICATE, SERVICE, namespace)
    rounds = Rounds(Reconciler(cluster).experiment)
    with tempfile.TemporaryDirectory() as directory:
        public, private = found.write(Path(directory))
        server = ServiceServer(
            namespace, addr="0.0.0.0", port=WEBHOOK_PORT, certfile=public, pkeyfile=private
        )
        at_work = asyncio.create_task(rounds.run())
        try:
            await kopf.operator(
                registry=registry(cluster, rounds),
                settings=settings(namespace, server),
                clusterwide=True,
                standalone=True,
                liveness_endpoint=HEALTH,
            )
        finally:
            at_work.cancel()
