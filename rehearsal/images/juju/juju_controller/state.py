"""The state of models and applications, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Status:
    """A status with the moment since when it holds."""

    current: str
    message: str = ""
    since: float = 0.0

    def change(self, current: str, message: str, now: float) -> Status:
        """The new status; ``since`` moves only if something is different."""
        if (current, message) == (self.current, self.message):
            return self
        return Status(current, message, now)


@dataclass(frozen=True)
class Progress:
    """How far a unit's charm has come.

    Attributes:
        queue: hooks still to run; the first one is under way.
        doing: ``""``, ``"hook"`` (running) or ``"error"`` (failed, waiting for its retry).
        until: when that ends.
        failures: how often each hook has failed.
        started: whether the pod has ever been ready.
        ready: whether the pod was ready at the last look.
    """

    queue: tuple[str, ...] = ()
    doing: str = ""
    until: float = 0.0
    failures: Mapping[str, int] = field(default_factory=dict)
    started: bool = False
    ready: bool = False


@dataclass(frozen=True)
class Application:
    """An application of a model.

    Attributes:
        options: what was set, as text, by option; defaults are the charm's.
        application, workload, agent: the three statuses that are reported.
    """

    name: str
    channel: str
    revision: int
    options: Mapping[str, str]
    progress: Progress
    application: Status
    workload: Status
    agent: Status
    address: str = ""

    @classmethod
    def new(cls, name: str, channel: str, revision: int, hooks: tuple[str, ...], now: float) -> Application:
        """An application as it is right after the deploy."""
        return cls(
            name=name,
            channel=channel,
            revision=revision,
            options={},
            progress=Progress(queue=hooks),
            application=Status("waiting", "installing agent", now),
            workload=Status("waiting", "installing agent", now),
            agent=Status("allocating", "", now),
        )

    def requeue(self, hook: str) -> Application:
        """Have a hook run, unless it is to run anyway."""
        waiting = self.progress.queue[1:] if self.progress.doing else self.progress.queue
        if hook in waiting:
            return self
        return replace(self, progress=replace(self.progress, queue=(*self.progress.queue, hook)))


@dataclass
class Model:
    """A model: a namespace with applications."""

    name: str
    uuid: str
    since: float
    life: str = "alive"
    config: dict[str, str] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    relations: list[tuple[str, str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Model:
        """Read the JSON form."""
        applications = {}
        for name, item in data["applications"].items():
            progress = item["progress"]
            applications[name] = Application(
                **{
                    **item,
                    "progress": Progress(**{**progress, "queue": tuple(progress["queue"])}),
                    "application": Status(**item["application"]),
                    "workload": Status(**item["workload"]),
                    "agent": Status(**item["agent"]),
                }
            )
        relations = [(str(a), str(b), str(c)) for a, b, c in data["relations"]]
        return cls(**{**data, "applications": applications, "relations": relations})
