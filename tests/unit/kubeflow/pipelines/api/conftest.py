"""The API server with an engine that only notes what it is asked, and a cluster that knows two users."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from labkubeflow.common.kube import KubeError
from labkubeflow.pipelines.api.access import Access
from labkubeflow.pipelines.api.app import application
from labkubeflow.pipelines.api.scheduler import Scheduler
from labkubeflow.pipelines.api.service import Service
from labkubeflow.pipelines.model import InvalidPipeline, RunStatus, State, StateChange
from labkubeflow.pipelines.store import Database, Stores
from starlette.testclient import TestClient

ANN, BOB = "ann@example.org", "bob@example.org"
NAMESPACES = {"ann": {ANN, "system:serviceaccount:ann:default-editor"}, "bob": {BOB}}
TOKEN = "token-of-ann's-default-editor"

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "hello"},
    "components": {"comp-hello": {"executorLabel": "exec-hello"}},
    "deploymentSpec": {"executors": {"exec-hello": {"container": {"command": ["echo"], "image": "busybox"}}}},
    "root": {
        "dag": {"tasks": {"hello": {"componentRef": {"name": "comp-hello"}, "taskInfo": {"name": "hello"}}}}
    },
    "schemaVersion": "2.1.0",
    "sdkVersion": "kfp-2.9.0",
}


class Clock:
    """Seconds since 1970, as told."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Cluster:
    """Answers reviews, and counts them."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    down: bool = False
    audiences: list[str] = field(default_factory=lambda: ["pipelines.kubeflow.org"])

    def review_token(self, token: str, audiences: list[str] | None = None) -> dict[str, Any]:
        self._answer("token", token)
        assert audiences == ["pipelines.kubeflow.org"]
        if token != TOKEN:
            return {"user": {}}
        user = {"username": "system:serviceaccount:ann:default-editor"}
        return {"authenticated": True, "audiences": self.audiences, "user": user}

    def may(self, user: str, groups: list[str], attributes: Mapping[str, str]) -> bool:
        self._answer(user, *attributes.values())
        assert (attributes["group"], groups) == ("pipelines.kubeflow.org", [])
        return user in NAMESPACES.get(attributes["namespace"], set())

    def _answer(self, *question: str) -> None:
        if self.down:
            raise KubeError(0, "", "it is down")
        self.asked.append(question)


@dataclass
class Engine:
    """Notes what it is asked."""

    stores: Stores
    submitted: list[str] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def validate(
        self, spec: Mapping[str, Any], parameters: Mapping[str, Any] | None = None, root: str = ""
    ) -> None:
        if "root" not in spec.get("pipeline_spec", spec):
            raise InvalidPipeline("the pipeline has no root")
        if parameters and "unknown" in parameters:
            raise InvalidPipeline("the pipeline has no input unknown")

    def submit(self, run_id: str) -> None:
        self.stores.runs.load(run_id)
        self.submitted.append(run_id)

    def terminate(self, run_id: str) -> None:
        self.terminated.append(run_id)
        self.stores.runs.save_status(run_id, RunStatus(State.CANCELING))

    def forget(self, run_id: str) -> None:
        self.forgotten.append(run_id)

    def finish(self, run_id: str, state: State = State.SUCCEEDED, error: str = "") -> None:
        """Let a run be over."""
        history = [StateChange(State.PENDING, 1_700_000_001), StateChange(state, 1_700_000_002, error)]
        self.stores.runs.save_status(run_id, RunStatus(state, error, 1_700_000_002, history))


@dataclass
class World:
    """The server and what is around it."""

    service: Service
    stores: Stores
    engine: Engine
    cluster: Cluster
    scheduler: Scheduler
    clock: Clock
    namespaces: set[str]
    woken: list[bool]

    def client(self, user: str = ANN) -> TestClient:
        """Return a client with the gateway's header."""
        headers = {"kubeflow-userid": user} if user else {}
        app = application(self.service)
        return TestClient(app, base_url="http://testserver/apis/v2beta1", headers=headers)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "pipelines.db", patience=0)
    yield database
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    stores, cluster, clock, woken = Stores(database), Cluster(), Clock(), list[bool]()
    engine, namespaces = Engine(stores), set(NAMESPACES)
    scheduler = Scheduler(stores, engine, namespaces.__contains__, clock)
    service = Service(stores, engine, Access(cluster, clock), lambda: woken.append(True), clock)
    return World(service, stores, engine, cluster, scheduler, clock, namespaces, woken)


@pytest.fixture
def ann(world: World) -> TestClient:
    return world.client(ANN)


@pytest.fixture
def bob(world: World) -> TestClient:
    return world.client(BOB)


@pytest.fixture
def experiment(ann: TestClient) -> str:
    """An experiment of Ann's."""
    answer = ann.post("/experiments", json={"display_name": "tests", "namespace": "ann"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """The server's address on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        application(world.service), host="127.0.0.1", port=port, log_config=None, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    started = threading.Event()
    startup = server.startup

    async def note(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        started.set()

    server.startup = note  # type: ignore[method-assign]
    thread.start()
    try:
        assert started.wait(20)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()
