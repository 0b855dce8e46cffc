"""The webhook over HTTP, and how the API server learns of it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from labkubeflow.common import web
from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.poddefault.review import Object, answer

SERVICE = "admission-webhook"
PORT = 4443
PATH = "/apply-poddefault"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
CONFIGURATION = "admission-webhook-mutating-webhook-configuration"
TIMEOUT_SECONDS = 15
"""How long the API server waits for an answer."""

_LOOK_UP_SECONDS = 10.0
_LOG = logging.getLogger(__name__)


def application(kube: Kube) -> Starlette:
    """Return the webhook's application.

    PodDefaults are listed for each pod: one that was made a moment before the pod is not missed.

    Args:
        kube: lists PodDefaults.
    """

    def defaults(namespace: str) -> list[Object]:
        path = f"/apis/kubeflow.org/v1alpha1/namespaces/{namespace}/poddefaults"
        items: list[Object] = kube.request("GET", path, timeout=_LOOK_UP_SECONDS)["items"]
        return items

    async def apply(request: Request) -> Response:
        review = await request.json()
        try:
            return JSONResponse(await run_in_threadpool(answer, review, defaults))
        except KubeError as error:
            # Not a refusal, which would be final for whoever makes the pod: the webhook failed, try again.
            _LOG.warning("the PodDefaults cannot be listed: %s", error)
            return PlainTextResponse(f"the PodDefaults cannot be listed: {error}", 503)

    return web.application([Route(PATH, apply, methods=["POST"])])


def configuration(namespace: Mapping[str, Any], public: bytes) -> Object:
    """Return what tells the API server to ask about each pod that is created in a profile.

    Upstream's, with its failure policy: while the webhook does not answer no pod is created there
    (kubeflow/kubeflow v1.8-branch, components/admission-webhook/manifests/base;
    canonical/admission-webhook-operator, src/templates/webhook_configuration.yaml.j2).

    Args:
        namespace: of the webhook's service. The configuration goes with it, for with the webhook away for
            good there would be no pods any more.
        public: the certificate of the service, as PEM.
    """
    metadata = namespace["metadata"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": metadata["name"], "uid": metadata["uid"]}
    service = {"name": SERVICE, "namespace": metadata["name"], "path": PATH, "port": PORT}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    webhook = {
        "name": "admission-webhook.kubeflow.org",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service, "caBundle": base64.b64encode(public).decode()},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "namespaceSelector": {"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}},
        "rules": [rule],
    }
    labels = {"app.kubernetes.io/name": SERVICE, "app.kubernetes.io/managed-by": "juju"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": labels, "ownerReferences": [owner]},
        "webhooks": [webhook],
    }
