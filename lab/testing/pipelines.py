"""Runs of Pipelines: starting them, waiting for their end, deleting them.

The SDK's own `wait_for_run_completion` is not used: it knows no run that was cancelled, and looks at no pod
(kubeflow/pipelines, sdk/python/kfp/client/client.py). The SDK publishes no types, so its objects stay here.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lab.errors import AcceptanceError
from lab.testing.kube import Kube
from lab.testing.pods import PodWatch
from lab.testing.steps import RUN_POD_LABEL
from lab.testing.waiting import Clock, Pending, wait_until

T = TypeVar("T")

FINISHED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})
"""States that a run stays in (kubeflow/pipelines, backend/api/v2beta1/run.proto, RuntimeState)."""

NOT_RUN = frozenset({"SKIPPED", "CACHED"})
"""States of a task that made no pod: a branch not taken, or a cached step. 2.0 calls both SKIPPED."""

OUTAGE = 180.0
"""For how many seconds the API may be away: a pod of it that is deleted comes back within them."""

REQUEST_TIMEOUT = 60.0
"""Seconds for one request."""

PAGE = 100
"""How many things a list may hold. The suite makes far fewer in one place."""

_AWAY = frozenset({0, 408, 429, 502, 503, 504})
_LOGGED_OUT = frozenset({301, 302, 303, 307, 401})


class PipelinesError(AcceptanceError):
    """The API of Pipelines refused a request.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, code="LAB-TEST-030")
        self.status = status


class PipelinesAway(AcceptanceError):  # noqa: N818 - the name says it
    """The API of Pipelines did not answer, or what is in front of it answered in its place."""


@dataclass(frozen=True)
class Task:
    """What the API says of one task of a run; backends differ in how many of them they report."""

    name: str
    state: str
    error: str


@dataclass(frozen=True)
class RunState:
    """What the API says of a run."""

    id: str
    state: str
    error: str
    tasks: tuple[Task, ...]

    @property
    def finished(self) -> bool:
        """Whether this state is the last one."""
        return self.state in FINISHED

    def states(self, name: str) -> list[str]:
        """Return the states of the tasks of a name."""
        return [task.state for task in self.tasks if task.name == name]

    def describe(self) -> str:
        """Return the state in one line, with what each unfinished or failed task is at."""
        told = [
            f"{task.name} {task.state} {task.error}".rstrip()
            for task in self.tasks
            if task.state != "SUCCEEDED"
        ]
        return "; ".join([f"{self.state or 'no state'} {self.error}".rstrip(), *told])


class Pipelines:
    """What the suite asks of Pipelines as one user in one namespace.

    Args:
        connect: Makes a `kfp.Client` for the namespace; called again when the API forgot who the user is.
        namespace: The namespace of the user's profile.
        outage: For how many seconds the API may be away during one request.
        clock: For tests.
    """

    def __init__(
        self, connect: Callable[[], Any], namespace: str, *, outage: float = OUTAGE, clock: Clock = time
    ) -> None:
        self._connect = connect
        self._client: Any = None
        self.namespace = namespace
        self._outage = outage
        self._clock = clock

    def ask(self, what: str, request: Callable[[Any], T]) -> T:
        """Send a request that may be sent twice, again and again while the API is away.

        Args:
            what: What the request is for, for the log and the error.
            request: Sends it with a `kfp.Client`.

        Raises:
            PipelinesError: The API refused it.
            WaitTimeout: The API was away for too long.
        """
        # Most requests are answered at once, and then the log need not tell of them.
        with contextlib.suppress(PipelinesAway):
            return self._try(what, request)
        return wait_until(
            lambda: self._try(what, request),
            what=what,
            deadline=self._outage,
            tolerate=(PipelinesAway,),
            clock=self._clock,
        )

    def experiment(self, name: str, description: str) -> str:
        """Create an experiment unless there is one of that name, and return its ID."""
        made = self.ask(
            f"the experiment {name}",
            lambda client: client.create_experiment(name, description=description, namespace=self.namespace),
        )
        return str(made.experiment_id)

    def start(
        self,
        experiment: str,
        name: str,
        package: Path | None = None,
        *,
        version: tuple[str, str] | None = None,
        parameters: Mapping[str, object] | None = None,
        caching: bool | None = None,
    ) -> str:
        """Start a run and return its ID.

        Args:
            experiment: The experiment's ID.
            name: The run's name, which no other run of the experiment has: when the answer is lost, the run
                is looked for by it.
            package: The compiled pipeline; ``None`` if there is a `version`.
            version: The IDs of an uploaded pipeline and of its version.
            parameters: Values of the pipeline's parameters.
            caching: Whether steps may be taken from the cache; ``None``: as the pipeline says.
        """
        pipeline, pipeline_version = version or (None, None)

        def send(client: Any) -> str:
            run = client.run_pipeline(
                experiment,
                name,
                pipeline_package_path=str(package) if package else None,
                pipeline_id=pipeline,
                version_id=pipeline_version,
                params=dict(parameters or {}),
                enable_caching=caching,
            )
            return str(run.run_id)

        return self._once(
            f"the start of run {name}", send, lambda client: self._find_run(client, experiment, name)
        )

    def repeat(
        self, experiment: str, name: str, package: Path, *, seconds: int, parameters: Mapping[str, object]
    ) -> str:
        """Make a recurring run without cache, one run at a time, and return its ID.

        Args:
            experiment: The experiment's ID.
            name: Its name, which no other recurring run of the experiment has.
            package: The compiled pipeline.
            seconds: From one run to the next.
            parameters: Values of the pipeline's parameters.
        """

        def send(client: Any) -> str:
            made = client.create_recurring_run(
                experiment,
                name,
                interval_second=seconds,
                max_concurrency=1,
                no_catchup=True,
                params=dict(parameters),
                pipeline_package_path=str(package),
                enable_caching=False,
            )
            return str(made.recurring_run_id)

        return self._once(
            f"the recurring run {name}",
            send,
            lambda client: next(iter(self._recurring(client, experiment)), None),
        )

    def upload(self, name: str, package: Path, description: str) -> tuple[str, str]:
        """Upload a pipeline to the namespace, and return its ID and that of its first version."""

        def send(client: Any) -> str:
            made = client.upload_pipeline(
                str(package), pipeline_name=name, description=description, namespace=self.namespace
            )
            return str(made.pipeline_id)

        def find(client: Any) -> str | None:
            found = client.list_pipelines(namespace=self.namespace, page_size=PAGE).pipelines
            return next((str(item.pipeline_id) for item in found or () if item.display_name == name), None)

        pipeline = self._once(f"the pipeline {name}", send, find)
        versions = self.ask(
            "its versions", lambda client: client.list_pipeline_versions(pipeline).pipeline_versions
        )
        return pipeline, str(versions[0].pipeline_version_id)

    def look(self, run: str) -> RunState:
        """Return the state of a run."""
        return _run_state(self.ask(f"the state of run {run}", lambda client: client.get_run(run).to_dict()))

    def wait(self, kube: Kube, run: str, *, deadline: float) -> RunState:
        """Wait until a run has ended, well or not, and return its last state.

        Args:
            kube: For a look at the run's pods; trouble with one ends the wait early.
            run: The run's ID.
            deadline: Seconds from now.

        Raises:
            WaitTimeout: It had not ended by then.
            WaitAborted: A pod of the run is in trouble that waiting does not mend.
        """

        def look() -> RunState | Pending:
            found = _run_state(self._try("the run's state", lambda client: client.get_run(run).to_dict()))
            return found if found.finished else Pending(found.describe())

        return wait_until(
            look,
            what=f"the end of run {run}",
            deadline=deadline,
            guard=PodWatch(kube, self.namespace, labels=f"{RUN_POD_LABEL}={run}", clock=self._clock),
            tolerate=(PipelinesAway,),
            clock=self._clock,
        )

    def runs(self, experiment: str) -> Sequence[str]:
        """Return the IDs of an experiment's runs."""
        found = self.ask(
            "the experiment's runs",
            lambda client: (
                client.list_runs(experiment_id=experiment, namespace=self.namespace, page_size=PAGE).runs
            ),
        )
        return [str(run.run_id) for run in found or ()]

    def exists(self, what: str, request: Callable[[Any], object]) -> bool:
        """Whether the API knows what a request asks for, rather than answering 404."""
        try:
            self.ask(what, request)
        except PipelinesError as error:
            if error.status == 404:
                return False
            raise
        return True

    def delete(self, what: str, request: Callable[[Any], object]) -> None:
        """Delete something; that it does not exist any more is no error."""
        self.exists(f"the deletion of {what}", request)

    def delete_run(self, run: str) -> None:
        """Delete a run, whatever it is at."""
        self.delete(f"run {run}", lambda client: client.delete_run(run))

    def delete_recurring_run(self, recurring: str) -> None:
        """Delete a recurring run; the runs that it started stay."""
        self.delete(f"recurring run {recurring}", lambda client: client.delete_recurring_run(recurring))

    def delete_experiment(self, experiment: str) -> None:
        """Delete an experiment with its recurring runs and its runs."""
        recurring = self.ask(
            "the experiment's recurring runs", lambda client: self._recurring(client, experiment)
        )
        for item in recurring:
            self.delete_recurring_run(item)
        for run in self.runs(experiment):
            self.delete_run(run)
        self.delete("the experiment", lambda client: client.delete_experiment(experiment))

    def _once(self, what: str, send: Callable[[Any], str], find: Callable[[Any], str | None]) -> str:
        """Make something that must not be made twice: when an answer was lost, look for it first."""
        sent = False

        def attempt(client: Any) -> str:
            nonlocal sent
            found = find(client) if sent else None
            sent = True
            return found or send(client)

        return self.ask(what, attempt)

    def _find_run(self, client: Any, experiment: str, name: str) -> str | None:
        found = client.list_runs(experiment_id=experiment, namespace=self.namespace, page_size=PAGE).runs
        return next((str(run.run_id) for run in found or () if run.display_name == name), None)

    def _recurring(self, client: Any, experiment: str) -> list[str]:
        found = client.list_recurring_runs(
            experiment_id=experiment, namespace=self.namespace, page_size=PAGE
        ).recurring_runs
        return [str(item.recurring_run_id) for item in found or ()]

    def _try(self, what: str, request: Callable[[Any], T]) -> T:
        from kfp_server_api.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            if self._client is None:
                self._client = _careful(self._connect())
            return request(self._client)
        except ApiException as error:
            status = int(error.status or 0)
            told = f"{what}: HTTP {status}: {_message(error)}"
            if status in _LOGGED_OUT:
                # A login lives in one pod; with that pod it is gone.
                self._client = None
            if status in _AWAY | _LOGGED_OUT:
                raise PipelinesAway(told, code="LAB-TEST-031") from error
            raise PipelinesError(told, status=status) from error
        except (HTTPError, ConnectionError, TimeoutError) as error:
            raise PipelinesAway(f"{what}: no answer: {error}", code="LAB-TEST-031") from error


def _careful(client: Any) -> Any:
    """Let each request of an SDK's client have a time limit, and follow no redirection.

    The SDK would follow the one to the login, and take the login's page for an object without values.
    """
    pool = client._run_api.api_client.rest_client.pool_manager
    send = pool.request

    def request(method: str, url: str, **options: Any) -> Any:
        limit = options.pop("timeout", None) or REQUEST_TIMEOUT
        return send(method, url, redirect=False, timeout=limit, **options)

    pool.request = request
    return client


def _run_state(run: Mapping[str, Any]) -> RunState:
    tasks = (run.get("run_details") or {}).get("task_details") or ()
    return RunState(
        id=str(run["run_id"]),
        state=str(run.get("state") or ""),
        error=_error(run),
        tasks=tuple(
            Task(str(task.get("display_name") or ""), str(task.get("state") or ""), _error(task))
            for task in tasks
        ),
    )


def _error(item: Mapping[str, Any]) -> str:
    """Return the message of an error, of the object's own or of its last state's."""
    history = [entry.get("error") for entry in item.get("state_history") or ()]
    for error in (item.get("error"), *reversed(history)):
        if error and error.get("message"):
            return str(error["message"])
    return ""


def _message(error: Any) -> str:
    try:
        body = json.loads(error.body)
        return str(body.get("error") or body["message"])[:500]
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(error.reason)
