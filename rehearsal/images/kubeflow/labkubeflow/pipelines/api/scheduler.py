"""The thread that starts the runs of recurring runs when they are due."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from labkubeflow.pipelines.api import macros, schedule
from labkubeflow.pipelines.api.runs import first_status
from labkubeflow.pipelines.model import InvalidPipeline, JsonObject, RunRecord, RunRequest
from labkubeflow.pipelines.store import Stores
from labkubeflow.pipelines.store.records import MissingError, RecurringRun, Run

_LOG = logging.getLogger(__name__)

LONGEST_SLEEP = 30.0
"""Seconds; the clock may be set, and a machine that slept does not count the time."""

NAMESPACE_GONE = "its namespace is gone"
PIPELINE_GONE = "its pipeline is gone"


class Starter(Protocol):
    """The part of `labkubeflow.pipelines.engine.Engine` that is needed."""

    def submit(self, run_id: str) -> None:
        """Begin a run."""


class Scheduler:
    """Starts runs.

    What has been started is in the database, so that a new process goes on where the old one was.

    Args:
        stores: where recurring runs are.
        engine: runs the runs.
        namespace_exists: tells whether there is such a namespace, and raises `OSError` if that is not known.
        now: seconds since 1970.
    """

    def __init__(
        self,
        stores: Stores,
        engine: Starter,
        namespace_exists: Callable[[str], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stores = stores
        self._engine = engine
        self._namespace_exists = namespace_exists
        self._now = now
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look again: something has changed."""
        self._changed.set()

    def stop(self) -> None:
        """End, within some seconds."""
        self._ending.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _work(self) -> None:
        while not self._ending.is_set():
            self._changed.clear()
            try:
                pause = self.tick()
            except Exception:
                _LOG.exception("the scheduler has failed, and goes on")
                pause = LONGEST_SLEEP
            self._changed.wait(pause)

    def tick(self) -> float:
        """Start what is due; return how many seconds to sleep unless woken."""
        pause = LONGEST_SLEEP
        for item in self._stores.recurring_runs.enabled():
            try:
                pause = min(pause, self._attend(item))
            except OSError as error:
                _LOG.warning("recurring run %s: %s", item.id, error)
        return pause

    def _attend(self, item: RecurringRun) -> float:
        """Start the run that is due, if one is and may be; return the seconds until this may change."""
        now = self._now()
        plan = item.plan
        due = schedule.next_due(plan.trigger, item.created_at, item.last_triggered, plan.no_catchup, now)
        if due > now:
            return due - now
        if self._stores.runs.active(item.id) >= plan.max_concurrency:
            # The end of a run wakes us.
            return LONGEST_SLEEP
        if not self._namespace_exists(item.namespace):
            self._give_up(item, NAMESPACE_GONE)
            return LONGEST_SLEEP
        try:
            self._start(item, due, now)
        except MissingError:
            self._give_up(item, PIPELINE_GONE)
        except InvalidPipeline as error:
            self._give_up(item, str(error))
        # Another one may be due at once.
        return 0

    def _start(self, item: RecurringRun, due: float, now: float) -> None:
        version_id, spec = self._pipeline(item)
        run_id, index, plan = str(uuid.uuid4()), item.last_index + 1, item.plan
        request = RunRequest(
            run_id=run_id,
            name=run_name(item.job_name, index),
            namespace=item.namespace,
            pipeline_spec=spec,
            parameters=macros.replaced(plan.parameters, due, now, index, run_id),
            pipeline_root=plan.pipeline_root,
            service_account=plan.service_account,
            created_at=now,
            scheduled_at=due,
        )
        run = Run(
            record=RunRecord(request, first_status(now)),
            experiment_id=item.experiment_id,
            recurring_run_id=item.id,
            pipeline_id=item.pipeline_id,
            pipeline_version_id=version_id,
        )
        if self._stores.recurring_runs.started(item, run, due):
            self._engine.submit(run_id)

    def _pipeline(self, item: RecurringRun) -> tuple[str, JsonObject]:
        if item.plan.pipeline_spec is not None:
            return "", item.plan.pipeline_spec
        pipelines = self._stores.pipelines
        if item.pipeline_version_id:
            version = pipelines.version(item.pipeline_version_id)
        else:
            latest = pipelines.latest(item.pipeline_id)
            if latest is None:
                raise MissingError(item.pipeline_id)
            version = latest
        return version.id, version.spec

    def _give_up(self, item: RecurringRun, reason: str) -> None:
        _LOG.warning("recurring run %s is switched off: %s", item.id, reason)
        self._stores.recurring_runs.switch(item.id, False, self._now(), reason)


def run_name(job_name: str, index: int) -> str:
    """Return the name of a recurring run's run, made as upstream makes that of its workflow."""
    name = f"{job_name}-{index}"
    return f"{name}-{fnv32a(name)}"


def fnv32a(text: str) -> int:
    """Return the 32-bit FNV-1a sum of a text."""
    found = 0x811C9DC5
    for byte in text.encode():
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    return found
