"""The certificate by which the API server knows a webhook; kept in a Secret, for it outlives the pod."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from labkubeflow.common.kube import KubeError

Object = dict[str, Any]

VALID = timedelta(days=3650)
SLACK = timedelta(days=30)
"""How long before its end a certificate is made anew; and how long before it was made it is valid, for the
clock of a machine that slept may be behind."""


class Client(Protocol):
    """The part of `labkubeflow.common.kube.Kube` that is used."""

    def request(self, method: str, path: str, body: object = None) -> Object:
        """Send one request and return the answer."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that vouches for itself.

    Attributes:
        public: the certificate, as PEM.
        private: its key, as PEM.
    """

    public: bytes
    private: bytes

    @classmethod
    def make(cls, service: str, namespace: str) -> Certificate:
        """Make one for a service."""
        # Needed once in a cluster's life, and half of a webhook's start.
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        host = f"{service}.{namespace}.svc"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SLACK)
            .not_valid_after(now + VALID)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(certificate.public_bytes(serialization.Encoding.PEM), private)

    def serves(self, service: str, namespace: str) -> bool:
        """Tell whether it is good for a service, now and for some time."""
        try:
            with tempfile.TemporaryDirectory() as directory:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self.write(Path(directory)))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=self.public.decode())
            [found] = context.get_ca_certs()
        except (ssl.SSLError, ValueError):
            return False
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
        host = ("DNS", f"{service}.{namespace}.svc")
        return host in found.get("subjectAltName", ()) and datetime.now(UTC) <= end - SLACK

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write certificate and key into a directory; return their files. Only the owner can read the key."""
        public, private = directory / "tls.crt", directory / "tls.key"
        public.write_bytes(self.public)
        private.touch(mode=0o600)
        private.write_bytes(self.private)
        return public, private


def keep(kube: Client, name: str, service: str, namespace: str) -> Certificate:
    """Return the certificate of a service; it is made when there is none that is any good.

    Args:
        kube: asks the API server. It needs to create Secrets, and to get and update this one.
        name: of the Secret in which it is kept.
        service: whose certificate it is.
        namespace: of the service and the Secret.

    Raises:
        KubeError: the API server refused.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    secret = _get(kube, f"{path}/{name}")
    if secret is not None:
        found = _read(secret)
        if found is not None and found.serves(service, namespace):
            return found
    made = Certificate.make(service, namespace)
    data = {"tls.crt": _encode(made.public), "tls.key": _encode(made.private)}
    if secret is not None:
        kube.request("PUT", f"{path}/{name}", {**secret, "data": data})
        return made
    labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/managed-by": "juju"}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": data,
    }
    try:
        kube.request("POST", path, body)
    except KubeError as error:
        if error.status != 409:
            raise
        # Two pods may overlap while one is replaced: the one that was first decides.
        return keep(kube, name, service, namespace)
    return made


def _get(kube: Client, path: str) -> Object | None:
    try:
        return kube.request("GET", path)
    except KubeError as error:
        if error.status == 404:
            return None
        raise


def _read(secret: Object) -> Certificate | None:
    data = secret.get("data") or {}
    try:
        return Certificate(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))
    except (KeyError, binascii.Error):
        return None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
