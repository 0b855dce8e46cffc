"""The object store that pipelines keep their artifacts in, read as a profile's own programs read it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.errors import AcceptanceError
from lab.testing.kube import Kube
from lab.testing.waiting import Clock, Pending, wait_until
from lab.transport.base import Transport

BUCKET = "mlpipeline"
SERVICE = "minio"
PORT = 9000
"""The store's Service (canonical/minio-operator) and the bucket of Pipelines (canonical/kfp-operators)."""

SECRET = "mlpipeline-minio-artifact"  # noqa: S105 - the name of a Secret
"""The profile's keys (canonical/kfp-operators, charms/kfp-profile-controller)."""

REGION = "us-east-1"
"""What S3 servers that have no regions call theirs; named so that the client does not ask."""

OUTAGE = 180.0


class StoreAway(AcceptanceError):  # noqa: N818 - the name says it
    """The object store did not answer, or not yet."""


class ObjectStore:
    """The bucket of Pipelines.

    Args:
        client: A `minio.Minio`.
        outage: For how many seconds the store may be away during one request.
        clock: For tests.
    """

    def __init__(self, client: Any, *, outage: float = OUTAGE, clock: Clock = time) -> None:
        self._client = client
        self._outage = outage
        self._clock = clock

    def keys(self, run: str) -> list[str]:
        """Return the keys of all that a run of a pipeline stored, in alphabetical order.

        Where in the bucket that is differs between releases and between profiles; the run's ID is always
        one part of the key (kubeflow/pipelines, backend/src/v2/metadata/client.go).
        """
        found: list[str] = self._ask(
            f"the artifacts of run {run}",
            lambda: [str(item.object_name) for item in self._client.list_objects(BUCKET, recursive=True)],
        )
        return sorted(key for key in found if run in key.split("/"))

    def read(self, key: str) -> bytes:
        """Return an object's content."""

        def get() -> bytes:
            answer = self._client.get_object(BUCKET, key)
            try:
                data: bytes = answer.read()
                return data
            finally:
                answer.close()
                answer.release_conn()

        data: bytes = self._ask(f"the object {key}", get)
        return data

    def _ask(self, what: str, request: Any) -> Any:
        from minio.error import S3Error, ServerError
        from urllib3.exceptions import HTTPError

        def attempt() -> Any | Pending:
            try:
                return request()
            except (HTTPError, ServerError) as error:
                raise StoreAway(f"{what}: no answer: {error}", code="LAB-TEST-032") from error
            except S3Error as error:
                if error.response.status >= 500:
                    raise StoreAway(f"{what}: {error.code}", code="LAB-TEST-032") from error
                raise

        return wait_until(attempt, what=what, deadline=self._outage, tolerate=(StoreAway,), clock=self._clock)


@contextmanager
def open_store(kube: Kube, transport: Transport, *, kubeflow: str, profile: str) -> Iterator[ObjectStore]:
    """Open a tunnel to the store, and log in with the keys that a profile has for it.

    Args:
        kube: The lab's Kubernetes.
        transport: The way into the guest.
        kubeflow: The namespace of Kubeflow.
        profile: The namespace of the profile.

    Raises:
        KubeError: The store's service or the profile's keys do not exist.
    """
    import urllib3
    from minio import Minio

    service = kube.request("GET", kube.path("v1", "Service", SERVICE, namespace=kubeflow))
    secret = kube.request("GET", kube.path("v1", "Secret", SECRET, namespace=profile))["data"]
    access, private = (base64.b64decode(secret[name]).decode() for name in ("accesskey", "secretkey"))
    with transport.tunnel(service["spec"]["clusterIP"], PORT) as tunnel:
        client = Minio(
            f"127.0.0.1:{tunnel.port}",
            access_key=access,
            secret_key=private,
            secure=False,
            region=REGION,
            http_client=urllib3.PoolManager(timeout=urllib3.Timeout(60), retries=False),
        )
        yield ObjectStore(client)
