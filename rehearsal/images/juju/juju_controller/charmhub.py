"""What can be deployed: the bundle and its charms, read from the directory bundle/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import NotFoundError, RefusedError

Scalar = str | int | bool


@dataclass(frozen=True)
class Option:
    """A charm's configuration option."""

    type: str
    default: Scalar
    description: str = ""

    def parse(self, name: str, text: str) -> Scalar:
        """Read a value given as text.

        Raises:
            RefusedError: it is not of the option's type.
        """
        if self.type == "int":
            try:
                return int(text)
            except ValueError:
                raise RefusedError(f'option "{name}" expected int, got "{text}"') from None
        if self.type == "boolean":
            if text.lower() not in ("true", "false"):
                raise RefusedError(f'option "{name}" expected boolean, got "{text}"')
            return text.lower() == "true"
        return text


@dataclass(frozen=True)
class Hook:
    """A step of a charm's life; it may fail a few times before it works, as charms do."""

    name: str
    seconds: float
    message: str = ""
    fails: int = 0
    retry_seconds: float = 0.0


@dataclass(frozen=True)
class Gate:
    """A condition between a charm whose hooks have run and ``active``.

    Exactly one of ``application`` (must be active), ``address`` (a LoadBalancer service must have one)
    and ``options`` (each ``application.option`` must be set) is given.
    """

    status: str
    message: str
    application: str = ""
    address: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Workload:
    """The real objects behind an application.

    Attributes:
        kind: ``StatefulSet`` or ``Deployment``.
        pod: the pod's spec, taken as it is.
        port: the port of the application's service.
        storage: size of a claim mounted at /data, or empty.
        configured: the application's options are kept in a Secret ``NAME-options`` for its pod, which is
            made anew when one changes.
        extra: further manifests; what has a namespace is put into the model's, as are the subjects of
            bindings that name none.
    """

    kind: str
    pod: Mapping[str, Any]
    port: int
    storage: str = ""
    configured: bool = False
    extra: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Charm:
    """An application of the bundle together with its charm."""

    name: str
    charm: str
    channel: str
    revision: int
    trust: bool
    workload: Workload
    hooks: tuple[Hook, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()

    def hook(self, name: str) -> Hook:
        """A hook by name; one the bundle does not describe takes no time and does not fail."""
        return next((hook for hook in self.hooks if hook.name == name), Hook(name, 0.0))


@dataclass(frozen=True)
class Relation:
    """Two endpoints, each ``application:endpoint``, and the interface between them."""

    provider: str
    requirer: str
    interface: str


@dataclass(frozen=True)
class Bundle:
    """A bundle of applications."""

    name: str
    revision: int
    channels: tuple[str, ...]
    base_name: str
    base_channel: str
    charms: Mapping[str, Charm]
    relations: tuple[Relation, ...]

    def require_channel(self, channel: str) -> str:
        """The channel to deploy from; a bare track means its stable risk.

        Raises:
            RefusedError: nothing was released there.
        """
        wanted = channel or self.channels[0]
        if "/" not in wanted:
            risks = ("stable", "candidate", "beta", "edge")
            wanted = f"latest/{wanted}" if wanted in risks else f"{wanted}/stable"
        if wanted not in self.channels:
            releases = "".join(
                f'\n  channel "{known}": available bases are: {self.base_name}@{self.base_channel}'
                for known in self.channels
            )
            raise RefusedError(
                f'selecting releases: charm or bundle not found for channel "{wanted}", base "amd64"\n'
                f"available releases are:{releases}"
            )
        return wanted


def _gate(data: Mapping[str, Any]) -> Gate:
    options = tuple(tuple(str(item).split(".", 1)) for item in data.get("options", ()))
    return Gate(
        status=data["status"],
        message=data["message"],
        application=data.get("application", ""),
        address=data.get("address", ""),
        options=tuple((pair[0], pair[1]) for pair in options),
    )


def _charm(name: str, data: Mapping[str, Any], shared: Mapping[str, Any]) -> Charm:
    workload = data["workload"]
    if "base" in workload:
        workload = {**shared["workloads"][workload["base"]], **workload}
    return Charm(
        name=name,
        charm=data.get("charm", name),
        channel=data["channel"],
        revision=data["revision"],
        trust=data.get("trust", False),
        workload=Workload(
            kind=workload["kind"],
            pod=workload["pod"],
            port=workload["port"],
            storage=workload.get("storage", ""),
            configured=workload.get("configured", False),
            extra=tuple(workload.get("extra", ())),
        ),
        hooks=tuple(Hook(**hook) for hook in data.get("hooks", shared["hooks"])),
        options={key: Option(**value) for key, value in data.get("options", {}).items()},
        gates=tuple(_gate(gate) for gate in data.get("gates", ())),
    )


class CharmHub:
    """All bundles of the rehearsal: at present one."""

    def __init__(self, bundles: Mapping[str, Bundle]) -> None:
        self._bundles = bundles

    @classmethod
    def load(cls, directory: Path) -> CharmHub:
        """Read a bundle: bundle.yaml, and a file for each application in applications/."""
        data = yaml.safe_load((directory / "bundle.yaml").read_text(encoding="utf-8"))
        charms = {
            path.stem: _charm(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")), data)
            for path in sorted((directory / "applications").glob("*.yaml"))
        }
        bundle = Bundle(
            name=data["name"],
            revision=data["revision"],
            channels=tuple(data["channels"]),
            base_name=data["base"]["name"],
            base_channel=data["base"]["channel"],
            charms=charms,
            relations=tuple(Relation(*ends) for ends in data["relations"]),
        )
        return cls({bundle.name: bundle})

    def bundle(self, name: str) -> Bundle:
        """A bundle by name.

        Raises:
            NotFoundError: there is none; charms on their own are not offered.
        """
        if name in self._bundles:
            return self._bundles[name]
        if any(charm.charm == name for bundle in self._bundles.values() for charm in bundle.charms.values()):
            raise RefusedError(f'"{name}" is a charm: this rehearsal\'s charm-hub deploys bundles only')
        raise NotFoundError(f'resolving with preferred channel: No charm or bundle with name "{name}"')

    def charm(self, application: str) -> Charm:
        """The charm of an application that some bundle holds.

        Raises:
            NotFoundError: no bundle holds it.
        """
        for bundle in self._bundles.values():
            if application in bundle.charms:
                return bundle.charms[application]
        raise NotFoundError(f'application "{application}" not found')
