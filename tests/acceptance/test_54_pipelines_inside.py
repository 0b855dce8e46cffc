"""Pipelines used from inside the cluster, by tokens of service accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.testing.kube import Kube
from lab.testing.manifests import RUN_LABEL
from lab.testing.pipelines import Pipelines
from lab.testing.pods import run_to_end
from lab.testing.waiting import Pending, wait_until
from lab.transport.base import Transport

pytestmark = pytest.mark.pipelines

POD_DEADLINE = 600.0
"""Where the image has no SDK the pod installs it first."""
DEADLINE = 900.0
AWAY = 180.0

API_SERVICE = "ml-pipeline"
API_PORT = 8888
AUDIENCE = "pipelines.kubeflow.org"
"""Where the API is inside the cluster, and whom its tokens have to be for (kubeflow/pipelines,
backend/src/apiserver/common/config.go)."""

ACCOUNT = "default-editor"


def test_a_pod_of_the_profile_runs_a_pipeline(
    run: Any,
    kube: Kube,
    pipelines: Pipelines,
    packages: Callable[[str], Path],
    apply: Callable[..., Any],
) -> None:
    namespace = pipelines.namespace
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "pipelines-client-pipeline",
                "namespace": namespace,
                "labels": {RUN_LABEL: run.id},
            },
            "data": {"pipeline.yaml": packages("relay").read_text(encoding="utf-8")},
        }
    )
    apply("pipelines-client.yaml", namespace, kfp_version=version("kfp"))
    log = run_to_end(kube, namespace, "pipelines-client", deadline=POD_DEADLINE)
    told = json.loads(log.rpartition("RESULT ")[2])
    try:
        (started,) = told["runs"]
        # What was started inside is seen from outside, too.
        state = pipelines.wait(kube, started, deadline=DEADLINE)
        assert state.state == "SUCCEEDED", state.describe()
    finally:
        pipelines.delete_experiment(told["experiment"])


@contextmanager
def api(kube: Kube, transport: Transport, kubeflow: str) -> Iterator[Callable[[str, str], int]]:
    """Give a function that asks for the runs of a namespace with a token, and returns the HTTP status."""
    service = kube.request("GET", kube.path("v1", "Service", API_SERVICE, namespace=kubeflow))
    with transport.tunnel(service["spec"]["clusterIP"], API_PORT) as tunnel, requests.Session() as session:
        session.trust_env = False

        def look(token: str, namespace: str) -> int | Pending:
            answer = session.get(
                f"http://127.0.0.1:{tunnel.port}/apis/v2beta1/runs",
                params={"namespace": namespace},
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
            )
            status = answer.status_code
            return Pending(f"HTTP {status}") if status in (502, 503, 504) else status

        yield lambda token, namespace: wait_until(
            lambda: look(token, namespace),
            what="an answer of the API",
            deadline=AWAY,
            tolerate=(requests.ConnectionError, requests.Timeout),
        )


def token_of(kube: Kube, namespace: str, audience: str) -> str:
    """Return a token of the account that programs in a profile run as."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token"
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience], "expirationSeconds": 600},
    }
    return str(kube.request("POST", path, body=body)["status"]["token"])


def test_tokens_open_their_own_namespace_only(
    kube: Kube, transport: Transport, settings: Any, pipelines: Pipelines, other_profile: str
) -> None:
    own, other = pipelines.namespace, other_profile
    with api(kube, transport, settings.provision_env["LAB_MODEL"]) as status_of:
        assert status_of(token_of(kube, own, AUDIENCE), own) == 200
        assert status_of(token_of(kube, other, AUDIENCE), own) == 403
        assert status_of(token_of(kube, own, AUDIENCE), other) == 403
        # A token that the same account has for somebody else is none for Pipelines.
        assert status_of(token_of(kube, own, "somebody-else"), own) == 401
        assert status_of("not-a-token", own) == 401
