"""The fixtures of the tests of Kubeflow: the gateway, the login, profiles, and the client of pipelines."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import gateway as door
from lab.errors import LabError
from lab.gateway import SESSION_COOKIE, Credentials
from lab.testing import profiles
from lab.testing.kube import Object
from lab.testing.login import GatewaySession, log_in
from lab.testing.run import Run
from lab.testing.waiting import wait_until

GATEWAY_DEADLINE = 300.0

OTHER_OWNER = "somebody-else@lab.test"
"""The owner of the second profile. Nobody ever logs in as this user."""


@dataclass(frozen=True)
class Gateway:
    """The gateway, as this host reaches it.

    Attributes:
        url: The end of the tunnel, without a slash at its end.
        host: The name that the gateway is asked for.
        address: The gateway's address as the guest sees it.
    """

    url: str
    host: str
    address: str

    def session(self, *, patient: bool = True) -> GatewaySession:
        """Return a new browser, so to speak: without cookies.

        Args:
            patient: Whether it asks again when what is behind the gateway has just gone.
        """
        return GatewaySession(self.url, self.host, patient=patient)


@pytest.fixture(scope="session")
def gateway(run: Run) -> Iterator[Gateway]:
    """Open a tunnel to the gateway's address."""
    found = wait_until(
        lambda: door.locate(run.transport, run.lab),
        what="the gateway's address",
        deadline=GATEWAY_DEADLINE,
        tolerate=(LabError,),
    )
    with run.transport.tunnel(found.address, door.PORT) as tunnel:
        yield Gateway(f"http://127.0.0.1:{tunnel.port}", found.host, found.address)


@pytest.fixture(scope="session")
def credentials(run: Run) -> Credentials:
    """Return user name and password of the lab's login."""
    return door.credentials(run.transport, run.lab)


@pytest.fixture(scope="session")
def login(gateway: Gateway, credentials: Credentials) -> Iterator[GatewaySession]:
    """Log in as the lab's user."""
    with gateway.session() as session:
        log_in(session, credentials)
        yield session


@pytest.fixture(scope="session")
def new_profile(run: Run, apply: Callable[..., list[Object]]) -> Iterator[Callable[..., str]]:
    """Return a function that makes a Profile and returns its name, without waiting for it.

    It takes the owner and, if they are not to be the usual ones, the manifest and the name. The end of the
    run removes the Profile if nothing else has.
    """

    def make(owner: str, manifest: str = profiles.MANIFEST, *, name: str = "") -> str:
        name = name or f"p-{secrets.token_hex(4)}"
        run.namespaces.append(name)
        run.profiles.append(name)
        # Not waited for: the last test proves that nothing is left.
        run.belongings.callback(lambda: run.kube.delete(profiles.API, "Profile", name))
        apply(manifest, name, owner=owner)
        return name

    yield make
    # Here, so that one that never got ready goes, too.
    run.clean_up()


@pytest.fixture(scope="session")
def profile(run: Run, credentials: Credentials, new_profile: Callable[..., str]) -> str:
    """Make a Profile of the lab's user; its name is that of its namespace."""
    name = run.shared_profiles["profile"] = new_profile(credentials.username)
    profiles.wait_until_ready(run.kube, name)
    return name


@pytest.fixture(scope="session")
def other_profile(run: Run, new_profile: Callable[..., str]) -> str:
    """Make a Profile of another user."""
    name = run.shared_profiles["other_profile"] = new_profile(OTHER_OWNER)
    profiles.wait_until_ready(run.kube, name)
    return name


@pytest.fixture(scope="session")
def kfp_client(
    run: Run,
    gateway: Gateway,
    login: GatewaySession,
    profile: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """Return a `kfp.Client` as a user outside the cluster builds it, for the profile's namespace."""
    profiles.wait_for_pipelines(run.kube, profile)
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("kfp")
        yield build_kfp_client(f"{gateway.url}/pipeline", login.token, profile, home=home, patch=patch)


def build_kfp_client(url: str, token: str, namespace: str, *, home: Path, patch: pytest.MonkeyPatch) -> Any:
    """Return a client of pipelines with a session's cookie.

    The gateway serves every host name, so that the client needs none but that of the tunnel.

    Args:
        url: Where pipelines are.
        token: The value of the session's cookie.
        namespace: The namespace of what the client makes, unless it is told another.
        home: Where the client keeps what it would keep in the user's home directory.
        patch: Sets that.
    """
    from kfp.client import Client

    # The client would otherwise mix in the namespace and cookie of some other installation.
    patch.setattr(Client, "_LOCAL_KFP_CONTEXT", str(home / "context.json"))
    return Client(host=url, cookies=f"{SESSION_COOKIE}={token}", namespace=namespace)
