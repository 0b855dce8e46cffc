"""The cluster's certificates and kubeconfigs, made with openssl.

Keys are on the curve P-256: an RSA key takes seconds to make in an emulated machine, and is slower in use.
"""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Sequence

from mk8s.snap import Snap

SERVICE_ADDRESS = "10.152.183.1"
DAYS = 3650

_EXTENSIONS = {
    "authority": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n"
    "subjectKeyIdentifier=hash\n",
    "leaf": "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    "extendedKeyUsage=serverAuth,clientAuth\n",
}

# Kubeconfig, user in it, common name and organisation of its certificate.
CLIENTS = (
    ("client", "admin", "admin", "system:masters"),
    ("controller", "controller", "system:kube-controller-manager", ""),
    ("scheduler", "scheduler", "system:kube-scheduler", ""),
    ("proxy", "kubeproxy", "system:kube-proxy", ""),
)


def node_name() -> str:
    """Returns the name the kubelet registers under."""
    return socket.gethostname().lower()


def node_addresses() -> list[str]:
    """Returns the machine's own IPv4 addresses, those of the pods' bridge left out."""
    command = ["ip", "-4", "-oneline", "address", "show", "scope", "global"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [fields[3].partition("/")[0] for fields in map(str.split, lines) if fields[1] != "cni0"]


def server_names() -> list[str]:
    """Returns the names the API server answers to, as entries of a certificate."""
    service = ["kubernetes", "default", "svc", "cluster", "local"]
    names = [f"DNS:{'.'.join(service[: length + 1])}" for length in (0, 1, 2, 4)]
    names += [f"DNS:{name}" for name in ("localhost", node_name())]
    return names + [f"IP:{address}" for address in ("127.0.0.1", SERVICE_ADDRESS, *node_addresses())]


def _config(kind: str, common_name: str, organisation: str, names: Sequence[str]) -> str:
    subject = f"CN={common_name}\n" + (f"O={organisation}\n" if organisation else "")
    alternative = f"subjectAltName={','.join(names)}\n" if names else ""
    return (
        "[req]\nprompt=no\ndistinguished_name=subject\n"
        f"[subject]\n{subject}[extensions]\n{_EXTENSIONS[kind]}{alternative}"
    )


def issue(snap: Snap, name: str, common_name: str, organisation: str = "", names: Sequence[str] = ()) -> None:
    """Makes a key and its certificate, signed by the cluster's authority (which signs itself)."""
    kind = "authority" if name == "ca" else "leaf"
    signer = [] if name == "ca" else ["-CA", str(snap.certs / "ca.crt"), "-CAkey", str(snap.certs / "ca.key")]
    command = ["openssl", "req", "-x509", "-config", "/dev/stdin", "-extensions", "extensions", "-nodes"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", str(DAYS), *signer]
    command += ["-keyout", str(snap.certs / f"{name}.key"), "-out", str(snap.certs / f"{name}.crt")]
    text = _config(kind, common_name, organisation, names)
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)


def kubeconfig(user: str, authority: bytes, certificate: bytes, key: bytes) -> str:
    """Renders a kubeconfig, laid out as the real one."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {encoded(authority)}
    server: https://127.0.0.1:16443
  name: microk8s-cluster
contexts:
- context:
    cluster: microk8s-cluster
    user: {user}
  name: microk8s
current-context: microk8s
kind: Config
preferences: {{}}
users:
- name: {user}
  user:
    client-certificate-data: {encoded(certificate)}
    client-key-data: {encoded(key)}
"""


def _write_kubeconfig(snap: Snap, name: str, user: str) -> None:
    parts = [(snap.certs / file).read_bytes() for file in ("ca.crt", f"{name}.crt", f"{name}.key")]
    (snap.credentials / f"{name}.config").write_text(kubeconfig(user, *parts), encoding="utf-8")


def create_all(snap: Snap) -> None:
    """Makes everything a new cluster needs."""
    issue(snap, "ca", SERVICE_ADDRESS)
    for name, user, common_name, organisation in CLIENTS:
        issue(snap, name, common_name, organisation)
        _write_kubeconfig(snap, name, user)
    node = node_name()
    issue(snap, "kubelet", f"system:node:{node}", "system:nodes", [f"DNS:{node}"])
    _write_kubeconfig(snap, "kubelet", f"system:node:{node}")
    issue(snap, "apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    # Not `genpkey`: of this key Kubernetes reads the older format only.
    signing = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]
    signing += ["-out", str(snap.certs / "serviceaccount.key")]
    subprocess.run(signing, check=True, capture_output=True)
    # `microk8s status` of the group's members reads these.
    for file in ("ca.crt", "client.crt", "client.key"):
        (snap.credentials / file).write_bytes((snap.certs / file).read_bytes())
    refresh_server(snap)


def refresh_server(snap: Snap) -> None:
    """Makes the API server's certificate, anew if the machine has other addresses than it says."""
    record = snap.certs / "server.names"
    names = server_names()
    if record.exists() and record.read_text(encoding="utf-8").split() == names:
        return
    issue(snap, "server", "kube-apiserver", names=names)
    record.write_text("\n".join(names) + "\n", encoding="utf-8")
