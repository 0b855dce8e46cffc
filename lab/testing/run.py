"""One run of the suite: its lab, its connections, and what it made."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.config import Settings
from lab.testing import connection
from lab.testing.kube import Kube
from lab.transport.base import Transport


@dataclass
class Run:
    """One run of the suite."""

    lab: Settings
    id: str
    reports: Path | None
    _transport: Transport | None = None
    _kube: Kube | None = None
    namespaces: list[str] = field(default_factory=list)
    """All that this run created, those of its profiles among them."""
    profiles: list[str] = field(default_factory=list)
    """All that this run created; each has a namespace of its name."""
    shared_profiles: dict[str, str] = field(default_factory=dict)
    """Those that are there for the whole run, by the name of their fixture."""
    belongings: ExitStack = field(default_factory=ExitStack)
    """What the whole run shares: its end removes it."""

    @property
    def title(self) -> str:
        """What the reports are headed with."""
        banner = f"{self.lab.banner}: " if self.lab.banner else ""
        return f"{banner}lab {self.lab.name}, edition {self.lab.edition.name}"

    @property
    def transport(self) -> Transport:
        """The way into the guest."""
        if self._transport is None:
            self._transport = connection.connect(self.lab)
        return self._transport

    @property
    def kube(self) -> Kube:
        """The lab's Kubernetes."""
        if self._kube is None:
            self._kube = Kube.connect(self.transport)
        return self._kube

    @property
    def open_kube(self) -> Kube | None:
        """The client of Kubernetes if a test has asked for it."""
        return self._kube

    def reconnect(self) -> None:
        """Forget the client of Kubernetes: a reboot ended its tunnel."""
        if self._kube is not None:
            self._kube.close()
            self._kube = None

    def clean_up(self) -> None:
        """Remove what the whole run shares; the last tests do so before they look for remains."""
        self.belongings.pop_all().close()

    def close(self) -> None:
        """Close every connection."""
        self.reconnect()
        if self._transport is not None:
            self._transport.close()
            self._transport = None


RUN = pytest.StashKey[Run]()
"""Where pytest's configuration keeps the run."""

NAMESPACES = pytest.StashKey[list[str]]()
"""Where a test, or a file of tests, keeps the names of the namespaces that it was given."""
