"""The keys of the object store: from the application's options, or made once and kept in a Secret."""

from __future__ import annotations

import secrets
from base64 import b64decode
from typing import Any

from labkubeflow.common.kube import Kube, KubeError
from labkubeflow.common.options import Options

SECRET = "minio-secret"
"""Holds `accesskey` and `secretkey`, and both in the form that rclone reads from its environment."""

_BYTES = 24


def ensure_keys(kube: Kube, namespace: str, options: Options) -> None:
    """Create or bring up to date the Secret with the keys.

    An empty option `secret-key` means a random key, as with the real charm; it is made once.

    Raises:
        KubeError: the API server refused it or cannot be reached.
    """
    access = options.required("access-key")
    secret = options.text("secret-key") or _known_secret(kube, namespace) or secrets.token_urlsafe(_BYTES)
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "labels": {"app.kubernetes.io/name": "minio"}},
        # rclone splits the variable at commas, unless they are quoted.
        "stringData": {"accesskey": access, "secretkey": secret, "rclone": f'"{access},{secret}"'},
    }
    kube.ensure(f"/api/v1/namespaces/{namespace}/secrets", manifest)


def read_keys(kube: Kube, namespace: str) -> tuple[str, str] | None:
    """Return access key and secret key, or None while the object store has not made them.

    Raises:
        KubeError: the API server refused it or cannot be reached.
    """
    found = _data(kube, namespace)
    return (found["accesskey"], found["secretkey"]) if found else None


def _known_secret(kube: Kube, namespace: str) -> str:
    return _data(kube, namespace).get("secretkey", "")


def _data(kube: Kube, namespace: str) -> dict[str, str]:
    try:
        found = kube.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{SECRET}")
    except KubeError as error:
        if error.status == 404:
            return {}
        raise
    return {key: b64decode(value).decode() for key, value in (found.get("data") or {}).items()}
