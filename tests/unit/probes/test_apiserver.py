"""The API server is asked as who `microk8s config` says; whatever is wrong, it just has not been asked."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.config import Settings
from lab.errors import VMError
from lab.probes.apiserver import KUBERNETES_PORT, LISTS, ask
from lab.probes.status import collect
from tests.unit.probes.conftest import Guest

TOKEN = "token-of-the-user"


@dataclass(frozen=True)
class Pair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def issue(cls, name: str, issuer: Pair | None = None, *, address: str | None = None) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return cls(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers whoever has shown a certificate or a token."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        known = self.connection.getpeercert() or self.headers["Authorization"] == f"Bearer {TOKEN}"
        name = next((name for name, path in LISTS.items() if path == self.path), "")
        status = 200 if known and name in self.server.lists else 401
        body = json.dumps({"items": self.server.lists.get(name)}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    lists: dict[str, list[Any]]


@dataclass
class Cluster:
    """An API server, and a transport that leads to it."""

    server: Server
    authority: Pair
    user: Pair
    tunnels: list[tuple[str, int]] = field(default_factory=list)
    refuse: bool = False

    @contextmanager
    def tunnel(self, host: str, port: int, local_port: int = 0) -> Iterator[Any]:
        self.tunnels.append((host, port))
        if self.refuse:
            raise VMError("The connection is closed.", code="LAB-VM-204")

        @dataclass
        class End:
            port: int

        yield End(self.server.server_address[1])

    def config(self, **user: str) -> str:
        cluster = {"certificate-authority-data": _encode(self.authority.certificate_pem)}
        return yaml.safe_dump({"clusters": [{"cluster": cluster}], "users": [{"user": user}]})

    @property
    def certificate(self) -> dict[str, str]:
        return {
            "client-certificate-data": _encode(self.user.certificate_pem),
            "client-key-data": _encode(self.user.key_pem),
        }


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    authority = Pair.issue("cluster")
    own = Pair.issue("apiserver", authority, address="127.0.0.1")
    server = Server(("127.0.0.1", 0), Handler)
    server.lists = {name: [] for name in LISTS}
    for name, data in (("own", own.certificate_pem + own.key_pem), ("ca", authority.certificate_pem)):
        (tmp_path / name).write_bytes(data)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(tmp_path / "own")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Cluster(server, authority, Pair.issue("admin", authority))
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "kubeconfig"


@pytest.mark.parametrize("by", ["certificate", "token"])
def test_the_lists_come_as_the_server_sends_them(cluster: Cluster, kubeconfig: Path, by: str) -> None:
    user = cluster.certificate if by == "certificate" else {"token": TOKEN}
    kubeconfig.write_text(cluster.config(**user))
    transport: Any = cluster
    found = ask(transport, kubeconfig)
    assert {name: json.loads(answer.stdout) for name, answer in found.items()} == {
        name: {"items": []} for name in LISTS
    }
    assert cluster.tunnels == [("127.0.0.1", KUBERNETES_PORT)]
    assert [path.name for path in kubeconfig.parent.iterdir()] == ["kubeconfig"], "no key is left"


def _another_cluster(cluster: Cluster) -> str:
    other = Pair.issue("cluster")
    return cluster.config(**cluster.certificate).replace(
        _encode(cluster.authority.certificate_pem), _encode(other.certificate_pem)
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda _: "", id="nothing in it"),
        pytest.param(lambda _: "{", id="not YAML"),
        pytest.param(lambda cluster: cluster.config(token="old"), id="a user who is gone"),
        pytest.param(lambda cluster: cluster.config(**cluster.certificate)[:400], id="cut short"),
        pytest.param(_another_cluster, id="of another cluster"),
    ],
)
def test_what_is_of_no_use_is_no_answer(
    cluster: Cluster, kubeconfig: Path, text: Callable[[Cluster], str]
) -> None:
    transport: Any = cluster
    assert ask(transport, kubeconfig) == {}
    kubeconfig.write_text(text(cluster))
    assert ask(transport, kubeconfig) == {}


def test_a_lost_connection_is_no_answer(cluster: Cluster, kubeconfig: Path) -> None:
    kubeconfig.write_text(cluster.config(**cluster.certificate))
    cluster.refuse = True
    transport: Any = cluster
    assert ask(transport, kubeconfig) == {}


def _object(name: str, *, ready: int) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"namespace": "kube-system", "name": name},
        "spec": {"replicas": 1},
        "status": {"readyReplicas": ready, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("node", "pods", "depth"), [(1, 1, "known"), (1, 0, "quick"), (0, 1, "quick"), (None, 1, "quick")]
)
def test_the_guest_is_asked_only_if_not_all_is_well(
    cluster: Cluster, settings: Settings, node: int | None, pods: int, depth: str
) -> None:
    cluster.server.lists["nodes"] = [] if node is None else [_object("lab", ready=node)]
    cluster.server.lists["deployments"] = [_object("coredns", ready=pods)]
    kubeconfig = settings.make_state_dir() / "kubeconfig"
    kubeconfig.write_text(cluster.config(**cluster.certificate))

    class Both(Guest):
        tunnel = staticmethod(cluster.tunnel)

    transport: Any = Both({"apiserver": (0, "", "")})
    status = collect(transport, "running", settings)
    assert transport.depth == depth
    dns = next(item for item in status.layer("microk8s").items if item.name == "dns")
    assert dns.ready == (depth == "known")
