"""The door to Kubeflow for people and for the suite: its address, its name, and the login's credentials."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.collect.guest import KUBECTL
from lab.config import Settings
from lab.errors import KubeflowError
from lab.files import replace_file
from lab.plan.guest import CREDENTIALS
from lab.transport.base import Transport

SERVICE = "istio-ingressgateway-workload"
"""The gateway's Service, of the charm istio-ingressgateway (canonical/istio-operators)."""

PORT = 80
ASK_SECONDS = 60.0

SESSION_COOKIE = "authservice_session"
"""What the gateway knows a person by who has logged in (arrikto/oidc-authservice, server.go)."""

NIP_IO = "nip.io"
"""The value of ``LAB_PUBLIC_URL`` that stands for a name made of the gateway's address."""

_NEXT = "See how the applications are: python -m lab status"


@dataclass(frozen=True)
class Entrance:
    """Where the gateway is.

    Attributes:
        address: Its address as the guest sees it.
        host: The name of the host that it is to be asked for.
    """

    address: str
    host: str


@dataclass(frozen=True)
class Credentials:
    """The login of the lab's user. The password shows in no representation."""

    username: str
    password: str = field(repr=False)


def locate(transport: Transport, settings: Settings) -> Entrance:
    """Ask the lab's Kubernetes for the gateway's address.

    Raises:
        KubeflowError: There is no gateway, or it has no address yet.
        LabError: The guest or its Kubernetes does not answer.
    """
    model = settings.provision_env["LAB_MODEL"]
    command = f"{KUBECTL} --namespace {shlex.quote(model)} get service {SERVICE} --ignore-not-found -o json"
    said = transport.run(command, timeout=ASK_SECONDS).check(KubeflowError, code="LAB-KF-101", hint=_NEXT)
    if not said.stdout.strip():
        raise KubeflowError(f"There is no service {SERVICE} in {model}.", code="LAB-KF-102", hint=_NEXT)
    address = _address(json.loads(said.stdout))
    if not address:
        raise KubeflowError(
            f"The service {SERVICE} has no address.",
            code="LAB-KF-103",
            hint="Is the addon metallb enabled, with a free address? See: python -m lab status",
        )
    return Entrance(address, host_name(settings.provision_env.get("LAB_PUBLIC_URL", ""), address))


def host_name(public_url: str, address: str) -> str:
    """Return the name to ask the gateway for.

    Args:
        public_url: Where people log in, as the setting ``LAB_PUBLIC_URL`` says it.
        address: The gateway's address.
    """
    if public_url == NIP_IO:
        return f"{address}.{NIP_IO}"
    host = urlsplit(public_url).hostname or ""
    # The name of a service of the cluster leads to that service, past the gateway.
    inside = host.endswith((".svc", ".svc.cluster.local"))
    return address if inside or not host else host


def credentials(transport: Transport, settings: Settings) -> Credentials:
    """Return the login's credentials, and keep them in the lab's state, readable by its owner alone.

    The guest is asked, since a lab that was reset has new ones.

    Raises:
        KubeflowError: The login has not been configured yet.
        LabError: The guest does not answer.
    """
    try:
        text = transport.read_text(CREDENTIALS)
    except FileNotFoundError:
        raise KubeflowError(
            "The login has no credentials yet.",
            code="LAB-KF-104",
            hint="They come with the sequence: python -m lab up",
        ) from None
    found = dict(line.partition("=")[::2] for line in text.splitlines())
    try:
        login = Credentials(found["username"], found["password"])
    except KeyError as error:
        raise KubeflowError(
            f"The file with the login's credentials has no {error.args[0]}.",
            code="LAB-KF-105",
            hint="Remove ~/.kubeflow-lab/credentials in the VM and let the step make it anew: "
            "python -m lab up --from login",
        ) from None
    replace_file(settings.make_state_dir() / "credentials", text)
    return login


def _address(service: Mapping[str, object]) -> str:
    status = service.get("status")
    balancer = status.get("loadBalancer") if isinstance(status, dict) else None
    given = balancer.get("ingress") if isinstance(balancer, dict) else None
    for entry in given or ():
        if found := entry.get("ip") or entry.get("hostname"):
            return str(found)
    return ""
