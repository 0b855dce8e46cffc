"""The keeper of the models: it answers the client's requests and moves the applications on."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from . import deployment, lifecycle, report
from .charmhub import Charm, CharmHub, Scalar
from .cluster import Cluster, ExistsError
from .errors import NotFoundError, RefusedError
from .logbook import Logbook
from .starts import Starts
from .state import Application, Model
from .workload import manifests, options_hash

_LOG = logging.getLogger(__name__)
_MODEL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_DYING_POLL = 1.0
CONTROLLER_MODEL = "controller"
# The real one knows some seventy options.
_MODEL_DEFAULTS = {
    "juju-http-proxy": "",
    "juju-https-proxy": "",
    "juju-no-proxy": "127.0.0.1,localhost,::1",
}


class Keeper:
    """All models of one controller.

    Args:
        cluster: where the applications run and the models are saved.
        hub: what can be deployed.
        place: where the controller lives.
        log: the models' log.
        clock: seconds since the epoch.
        model_uuid: the controller model's identity.
        now_work: called when there is something to do.
        starts: keeps pods from starting all at once.
    """

    def __init__(
        self,
        cluster: Cluster,
        hub: CharmHub,
        place: report.Place,
        log: Logbook,
        *,
        model_uuid: str,
        clock: Callable[[], float] = time.time,
        now_work: Callable[[], None] = lambda: None,
        starts: Starts | None = None,
    ) -> None:
        self._cluster = cluster
        self._hub = hub
        self._place = place
        self._log = log
        self._clock = clock
        self._now_work = now_work
        self._starts = starts or Starts()
        self._lock = threading.RLock()
        self._created: dict[tuple[str, str], str] = {}
        self._saved: dict[str, str] = {}
        self._models = {CONTROLLER_MODEL: Model(CONTROLLER_MODEL, model_uuid, clock())}
        for text in cluster.load():
            model = Model.from_dict(json.loads(text))
            self._models[model.name] = model
            self._saved[model.name] = text

    # -- requests

    def ping(self) -> dict[str, str]:
        """Answer that the controller is there."""
        return {"version": report.VERSION}

    def models(self) -> list[dict[str, Any]]:
        """All models in short."""
        with self._lock:
            return [
                {
                    "name": f"admin/{model.name}",
                    "short-name": model.name,
                    "model-uuid": model.uuid,
                    "life": model.life,
                    "status": "available" if model.life == "alive" else "destroying",
                    "since": model.since,
                    "unit-count": len(model.applications),
                    "volumes": self._volumes(model),
                }
                for _, model in sorted(self._models.items())
            ]

    def add_model(self, name: str, config: dict[str, str]) -> dict[str, str]:
        """Create a model and its namespace."""
        if not _MODEL_NAME.fullmatch(name):
            raise RefusedError(
                f'"{name}" is not a valid name: model names may only contain lowercase letters, '
                "digits and hyphens"
            )
        with self._lock:
            uuid = str(uuid4())
            try:
                self._cluster.create_namespace(name, {"model.juju.is/id": uuid})
            except ExistsError:
                raise RefusedError(
                    "the model cannot be created because a namespace with the proposed\n"
                    "model name already exists in the k8s cluster.\nPlease choose a different model name."
                ) from None
            model = Model(name, uuid, self._clock(), config=config)
            self._models[name] = model
            self._note(model, "controller-0", "INFO", f'created model "{name}"')
            self._save(model)
            return {"uuid": uuid}

    def model_config_get(self, model: str) -> dict[str, dict[str, str]]:
        """A model's options: those that were set, and the defaults of the proxies."""
        with self._lock:
            set_here = self._model(model).config
            known = {key: {"Value": value, "Source": "default"} for key, value in _MODEL_DEFAULTS.items()}
            return {**known, **{key: {"Value": value, "Source": "model"} for key, value in set_here.items()}}

    def model_config_set(self, model: str, settings: dict[str, str]) -> None:
        """Set options of a model."""
        with self._lock:
            found = self._model(model)
            found.config.update(settings)
            self._save(found)

    def model_config_reset(self, model: str, keys: list[str]) -> None:
        """Give options of a model their defaults back."""
        with self._lock:
            found = self._model(model)
            for key in keys:
                found.config.pop(key, None)
            self._save(found)

    def model_status(self, model: str) -> dict[str, Any]:
        """What is left of a model; for those who wait until it is gone."""
        with self._lock:
            found = self._model(model)
            return {
                "life": found.life,
                "applications": len(found.applications),
                "names": sorted(found.applications),
                "volumes": self._volumes(found),
            }

    def destroy_model(self, model: str) -> None:
        """Begin to destroy a model."""
        with self._lock:
            found = self._model(model)
            if model == CONTROLLER_MODEL:
                raise RefusedError("the controller model cannot be destroyed on its own")
            if found.life == "alive":
                found.life, found.since = "dying", self._clock()
                self._note(found, "controller-0", "INFO", "destroying model")
            self._cluster.delete_namespace(model)
            self._save(found)
        self._now_work()

    def resolve(self, model: str, name: str, channel: str) -> dict[str, Any]:
        """Find a bundle, and the applications that want trust."""
        with self._lock:
            self._model(model)
            bundle = self._hub.bundle(name)
            bundle.require_channel(channel)
            return {
                "revision": bundle.revision,
                "trust": [application for application, charm in bundle.charms.items() if charm.trust],
            }

    def deploy(self, model: str, name: str, channel: str, dry_run: bool) -> dict[str, list[str]]:
        """Enter what is missing of a bundle into a model."""
        with self._lock:
            found = self._alive(model)
            if model == CONTROLLER_MODEL:
                raise RefusedError("cannot deploy a bundle to the controller model")
            bundle = self._hub.bundle(name)
            bundle.require_channel(channel)
            todo = deployment.plan(bundle, found)
            if todo.changes and not dry_run:
                deployment.execute(todo, found, self._clock())
                for change in todo.changes:
                    self._note(found, "controller-0", "INFO", change)
                self._save(found)
        self._now_work()
        return {"changes": list(todo.changes)}

    def config_get(self, model: str, application: str) -> dict[str, Any]:
        """All options of an application with their values and where these come from."""
        with self._lock:
            found = self._application(model, application)
            charm = self._hub.charm(application)
            settings: dict[str, Any] = {}
            values = effective(charm, found)
            for name, option in sorted(charm.options.items()):
                own = name in found.options
                settings[name] = {
                    "default": option.default,
                    "description": option.description,
                    "source": "user" if own else "default",
                    "type": option.type,
                    "value": values[name],
                }
            return {
                "application": application,
                "application-config": {
                    "trust": {
                        "default": False,
                        "description": "Does this application have access to trusted credentials",
                        "source": "user" if charm.trust else "default",
                        "type": "bool",
                        "value": charm.trust,
                    }
                },
                "charm": charm.charm,
                "settings": settings,
            }

    def config_set(self, model: str, application: str, settings: dict[str, str]) -> list[str]:
        """Set options; all or none.

        Returns:
            The options that had that value already.
        """
        with self._lock:
            found = self._application(model, application)
            charm = self._hub.charm(application)
            before = effective(charm, found)
            for name, text in settings.items():
                if name not in charm.options:
                    raise NotFoundError(f'unknown option "{name}"')
                charm.options[name].parse(name, text)
            changed = replace(found, options={**found.options, **settings})
            self._reconfigure(model, charm, found, changed)
            after = effective(charm, changed)
        self._now_work()
        return [name for name in settings if before[name] == after[name]]

    def config_reset(self, model: str, application: str, keys: list[str]) -> None:
        """Give options their defaults back."""
        with self._lock:
            found = self._application(model, application)
            charm = self._hub.charm(application)
            for name in keys:
                if name not in charm.options:
                    raise NotFoundError(f'unknown option "{name}"')
            left = {name: text for name, text in found.options.items() if name not in keys}
            self._reconfigure(model, charm, found, replace(found, options=left))
        self._now_work()

    def _reconfigure(self, model: str, charm: Charm, before: Application, after: Application) -> None:
        if effective(charm, before) != effective(charm, after):
            after = after.requeue("config-changed")
        self._models[model].applications[after.name] = after
        self._save(self._models[model])

    def full_status(self, model: str, patterns: list[str]) -> dict[str, Any]:
        """The status document."""
        with self._lock:
            found = self._model(model)
            pods = self._cluster.pods(model)
            return report.full_status(found, self._hub, pods, self._place, self._clock(), patterns)

    def log(self, model: str, after: int, last: int, level: str, include: list[str]) -> list[dict[str, Any]]:
        """Entries of the log."""
        with self._lock:
            self._model(model)
            return self._log.read(model, after=after, last=last, level=level, include=include)

    # -- the work

    def tick(self) -> float | None:
        """Do what there is to do.

        Returns:
            When to come again at the latest; None if only a change can bring work.
        """
        wakes: list[float] = []
        with self._lock:
            for model in list(self._models.values()):
                wake = self._tick_model(model)
                if wake is not None:
                    wakes.append(wake)
        return min(wakes, default=None)

    def _tick_model(self, model: Model) -> float | None:
        now = self._clock()
        if model.life != "alive":
            if self._cluster.namespace_exists(model.name):
                return now + _DYING_POLL
            self._cluster.forget(model.name)
            del self._models[model.name]
            self._saved.pop(model.name, None)
            self._created = {key: sums for key, sums in self._created.items() if key[0] != model.name}
            self._starts.forget(model.name)
            return None
        if not model.applications:
            return None
        wake = self._create_one(model, now)
        world = lifecycle.World(
            pods=self._cluster.pods(model.name),
            statuses={name: item.application.current for name, item in model.applications.items()},
            options={name: effective(self._hub.charm(name), a) for name, a in model.applications.items()},
            addresses=self._cluster.balancers(model.name),
        )
        wakes = [] if wake is None else [wake]
        for name, application in list(model.applications.items()):
            step = lifecycle.advance(self._hub.charm(name), application, world, now)
            if step.application.application.current != application.application.current:
                # Others may wait for this one: look at all of them again.
                wakes.append(now)
            if step.wake is not None:
                wakes.append(step.wake)
            model.applications[name] = step.application
            for level, message in step.log:
                self._note(model, f"unit-{name}-0", level, message)
        self._save(model)
        return min(wakes, default=None)

    def _create_one(self, model: Model, now: float) -> float | None:
        """Create or configure one application: one at a time, so that requests are answered in between.

        Returns:
            When there may be more to do.
        """
        full_until = self._starts.full_until(model.name, self._cluster.pods(model.name), now)
        wake = None
        for name, application in model.applications.items():
            charm = self._hub.charm(name)
            options = effective(charm, application)
            sums = options_hash(options) if charm.workload.configured else ""
            key = (model.name, name)
            if self._created.get(key) == sums:
                continue
            if key not in self._created:
                if full_until is not None:
                    wake = full_until
                    continue
                self._cluster.create(model.name, manifests(charm, model.name, options))
                self._starts.begin(model.name, name, now)
                address = self._cluster.service_address(model.name, name)
                model.applications[name] = replace(application, address=address)
            if sums:
                # Also of objects that were there already: an earlier controller may have ended in between.
                self._cluster.configure(model.name, charm, options)
            self._created[key] = sums
            return now
        return wake

    # -- helpers

    def _model(self, name: str) -> Model:
        if name not in self._models:
            raise NotFoundError(f'model "admin/{name}" not found')
        return self._models[name]

    def _alive(self, name: str) -> Model:
        model = self._model(name)
        if model.life != "alive":
            raise RefusedError(f'model "admin/{name}" is no longer alive')
        return model

    def _application(self, model: str, name: str) -> Application:
        found = self._alive(model).applications.get(name)
        if found is None:
            raise NotFoundError(f'application "{name}" not found')
        return found

    def _volumes(self, model: Model) -> int:
        return sum(1 for name in model.applications if self._hub.charm(name).workload.storage)

    def _note(self, model: Model, entity: str, level: str, message: str) -> None:
        self._log.write(self._clock(), model.name, entity, level, message)
        _LOG.info("%s %s %s: %s", model.name, entity, level, message)

    def _save(self, model: Model) -> None:
        text = json.dumps(model.to_dict(), sort_keys=True)
        if self._saved.get(model.name) != text:
            self._cluster.save(model.name, text)
            self._saved[model.name] = text


def effective(charm: Charm, application: Application) -> Mapping[str, Scalar]:
    """An application's options: what was set, else the charm's defaults."""
    return {
        name: option.parse(name, application.options[name]) if name in application.options else option.default
        for name, option in charm.options.items()
    }
