"""A cluster that is a few dictionaries, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import juju_controller
import pytest
from juju_controller.charmhub import Charm, CharmHub, Scalar
from juju_controller.cluster import ExistsError
from juju_controller.keeper import Keeper
from juju_controller.lifecycle import Pod
from juju_controller.logbook import Logbook
from juju_controller.report import Place
from juju_controller.starts import Starts

CA = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA==\n-----END CERTIFICATE-----\n"
BUNDLE = Path(juju_controller.__path__[0]) / "bundle"


HUB = CharmHub.load(BUNDLE)
APPLICATIONS = len(HUB.bundle("kubeflow").charms)


class Clock:
    """Seconds since the epoch, as told."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeCluster:
    """Meets the controller's protocol; pods become ready when a test says so."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.ready: dict[tuple[str, str], bool] = {}
        self.failing: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.saved: dict[str, str] = {}
        self.saves = 0
        self.configured: list[tuple[str, dict[str, Scalar]]] = []

    def create_namespace(self, name: str, annotations: Mapping[str, str]) -> None:
        if name in self.namespaces:
            raise ExistsError(name)
        self.namespaces[name] = annotations

    def delete_namespace(self, name: str) -> None:
        self.namespaces.pop(name, None)

    def namespace_exists(self, name: str) -> bool:
        return name in self.namespaces

    def create(self, namespace: str, manifests: list[dict[str, Any]]) -> None:
        for manifest in manifests:
            name = manifest["metadata"]["name"]
            self.objects.setdefault((namespace, manifest["kind"], name), manifest)
            if manifest["kind"] in ("StatefulSet", "Deployment"):
                self.ready.setdefault((namespace, name), False)

    def configure(self, namespace: str, charm: Charm, options: Mapping[str, Scalar]) -> None:
        self.configured.append((charm.name, dict(options)))

    def service_address(self, namespace: str, name: str) -> str:
        return "10.152.183.10"

    def pods(self, namespace: str) -> Mapping[str, tuple[Pod, ...]]:
        return {
            name: (Pod(f"{name}-0", "uid", "10.1.0.5", ready, self.failing.get(name, "")),)
            for (space, name), ready in self.ready.items()
            if space == namespace
        }

    def balancers(self, namespace: str) -> Mapping[str, str]:
        return self.addresses

    def load(self) -> list[str]:
        return list(self.saved.values())

    def save(self, name: str, text: str) -> None:
        self.saved[name] = text
        self.saves += 1

    def forget(self, name: str) -> None:
        self.saved.pop(name, None)

    def all_ready(self) -> None:
        """Every pod is ready, and the load balancer has an address."""
        self.ready = dict.fromkeys(self.ready, True)
        self.addresses = {"istio-ingressgateway-workload": "10.64.140.43"}


class Lab:
    """A keeper with its fakes."""

    def __init__(self, at_once: int = 100) -> None:
        self.at_once = at_once
        self.cluster = FakeCluster()
        self.clock = Clock()
        self.hub = HUB
        self.keeper = self.restart()

    def restart(self) -> Keeper:
        """A controller that starts again and finds what was saved."""
        self.keeper = Keeper(
            self.cluster,
            self.hub,
            Place("my-k8s"),
            Logbook(),
            model_uuid="00000000-0000-4000-8000-000000000000",
            clock=self.clock,
            starts=Starts(self.at_once),
        )
        return self.keeper

    def deploy(self) -> list[str]:
        """Make a model and deploy the bundle into it."""
        self.keeper.add_model("kubeflow", {})
        return self.keeper.deploy("kubeflow", "kubeflow", "1.8/stable", dry_run=False)["changes"]

    def run(self, seconds: float) -> set[tuple[str, str, str]]:
        """Let time pass in the steps the controller asks for.

        Returns:
            Every (application, status, message) seen on the way.
        """
        seen = set()
        end = self.clock.now + seconds
        while True:
            wake = self.keeper.tick()
            for name, entry in self.status().items():
                current = entry["application-status"]
                seen.add((name, current["current"], current.get("message", "")))
            if wake is None or wake > end:
                self.clock.now = end
                return seen
            self.clock.now = max(self.clock.now, wake)

    def status(self) -> dict[str, Any]:
        """The applications of the status document."""
        found: dict[str, Any] = self.keeper.full_status("kubeflow", [])["applications"]
        return found

    def currents(self) -> dict[str, str]:
        """Each application's current status."""
        return {name: entry["application-status"]["current"] for name, entry in self.status().items()}

    def configure(self) -> None:
        """Set what the bundle waits for."""
        for application in ("dex-auth", "oidc-gatekeeper"):
            self.keeper.config_set(
                "kubeflow", application, {"public-url": "http://dex-auth.kubeflow.svc:5556"}
            )


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home in which the client may create its directory."""
    (tmp_path / ".local" / "share").mkdir(parents=True)
    for name in ("JUJU_DATA", "XDG_DATA_HOME", "JUJU_MODEL", "JUJU_CONTROLLER", "KUBECONFIG", "SNAP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    return tmp_path
