"""The certificate by which the API server knows the webhook; kept in a Secret, for it outlives the pod."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .cluster import Cluster
from .names import Object

SECRET = "katib-webhook-cert"
"""Name of the Secret, as upstream's."""

VALID = timedelta(days=3650)
SLACK = timedelta(days=30)
"""How long before its end a certificate is made anew; and how long before it was made it is valid, for the
clock of a machine that slept may be behind."""


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
            found = x509.load_pem_x509_certificate(self.public)
            key = serialization.load_pem_private_key(self.private, None)
            found.verify_directly_issued_by(found)
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        now = datetime.now(UTC)
        return (
            key.public_key() == found.public_key()
            and f"{service}.{namespace}.svc" in names.get_values_for_type(x509.DNSName)
            and found.not_valid_before_utc <= now <= found.not_valid_after_utc - SLACK
        )


def keep(cluster: Cluster, service: str, namespace: str) -> Certificate:
    """Return the certificate of a service; it is made when there is none that is any good.

    Raises:
        KubeError: the API server refused.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    secret = cluster.get(f"{path}/{SECRET}")
    if secret is not None:
        found = _read(secret)
        if found is not None and found.serves(service, namespace):
            return found
    made = Certificate.make(service, namespace)
    data = {"tls.crt": _encode(made.public), "tls.key": _encode(made.private)}
    if secret is not None:
        cluster.replace(f"{path}/{SECRET}", {**secret, "data": data})
        return made
    labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/managed-by": "juju"}
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": namespace, "labels": labels},
        "data": data,
    }
    # Two pods may overlap while one is replaced: the one that was first decides.
    return made if cluster.create(path, body) else keep(cluster, service, namespace)


def _read(secret: Object) -> Certificate | None:
    data = secret.get("data") or {}
    try:
        return Certificate(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))
    except (KeyError, binascii.Error):
        return None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
