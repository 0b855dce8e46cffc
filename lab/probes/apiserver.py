"""Asks the API server from the host, through the login that there is.

In an emulated guest each start of kubectl takes the better part of a second of a processor, and a connection
takes next to nothing.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.errors import LabError
from lab.probes.guest import Answer
from lab.transport.base import Transport

KUBERNETES_PORT = 16443
"""Where the API server of MicroK8s listens in the guest."""

LISTS = {
    "nodes": "/api/v1/nodes",
    "deployments": "/apis/apps/v1/deployments",
    "daemonsets": "/apis/apps/v1/daemonsets",
}
"""Where the lists are that the guest's script asks for under the same names."""

SECONDS = 10.0
"""For each answer."""


def ask(transport: Transport, kubeconfig: Path) -> Mapping[str, Answer]:
    """Return the API server's lists; none if it cannot be asked so, for whatever reason.

    Args:
        transport: The way into the guest.
        kubeconfig: The file that `up` has fetched; it may be missing, or of a cluster that is gone.
    """
    import yaml

    try:
        login = _Login.of(yaml.safe_load(kubeconfig.read_text(encoding="utf-8")))
        context = login.context(kubeconfig.parent)
        with transport.tunnel("127.0.0.1", KUBERNETES_PORT) as tunnel:
            return dict(_lists(tunnel.port, context, login.headers))
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError, http.client.HTTPException, LabError):
        return {}


@dataclass(frozen=True)
class _Login:
    """Who asks, as `microk8s config` says it: by a certificate or, before 1.28, by a token."""

    authority: str
    certificate: str
    token: str

    @classmethod
    def of(cls, config: Any) -> Self:
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        parts = ("client-certificate-data", "client-key-data")
        certificate = "".join(_decode(user[part]) for part in parts if part in user)
        return cls(_decode(cluster["certificate-authority-data"]), certificate, user.get("token", ""))

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def context(self, directory: Path) -> ssl.SSLContext:
        """Return the context of a connection; a certificate is in a file of the owner's for a moment."""
        context = ssl.create_default_context(cadata=self.authority)
        # Kubernetes' own authorities lack what newer Pythons want of them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", dir=directory, encoding="ascii") as file:
                file.write(self.certificate)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def _lists(port: int, context: ssl.SSLContext, headers: Mapping[str, str]) -> Iterator[tuple[str, Answer]]:
    # The server's certificate names 127.0.0.1, which is where the tunnel's end is too.
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=SECONDS, context=context)
    try:
        for name, path in LISTS.items():
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            text = response.read().decode()
            if response.status != http.client.OK:
                raise ValueError(f"HTTP status {response.status}")
            yield name, Answer(0, text)
    finally:
        connection.close()


def _decode(text: str) -> str:
    return base64.b64decode(text, validate=True).decode("ascii")
