from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kfp_server_api.exceptions import ApiException
from urllib3.exceptions import ProtocolError

from lab.testing.pipelines import Pipelines, PipelinesError, RunState, Task
from lab.testing.waiting import WaitAborted, WaitTimeout

Object = dict[str, Any]


def refused(status: int, body: str = '{"error": "because", "code": 5}') -> ApiException:
    return ApiException(http_resp=SimpleNamespace(status=status, reason="R", data=body, getheaders=dict))


class FakeRun:
    def __init__(self, **fields: Any) -> None:
        self.fields = {"run_id": "r1", "state": "RUNNING", **fields}
        self.run_id = self.fields["run_id"]
        self.display_name = self.fields.get("display_name")

    def to_dict(self) -> Object:
        return self.fields


class FakeClient:
    """A client of the SDK whose answers come from a list; an error in it is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Any, Any]] = []
        self.sent: list[Any] = []
        pool = SimpleNamespace(request=lambda *args, **options: self.sent.append((args, options)))
        rest = SimpleNamespace(pool_manager=pool)
        self._run_api = SimpleNamespace(api_client=SimpleNamespace(rest_client=rest))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.calls.append((name, args, options))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class FakeKube:
    """A namespace with some pods."""

    def __init__(self, pods: Sequence[Object] = ()) -> None:
        self.pods = pods

    def list(self, version: str, kind: str, namespace: str, *, labels: str = "") -> Sequence[Object]:
        assert (version, kind, namespace, labels) == ("v1", "Pod", "ns", "pipeline/runid=r1")
        return self.pods


def made(client: FakeClient, clock: Any) -> Pipelines:
    return Pipelines(lambda: client, "ns", outage=60, clock=clock)


def test_waits_for_the_end_of_a_run(clock: Any) -> None:
    client = FakeClient(FakeRun(state="PENDING"), FakeRun(), FakeRun(state="SUCCEEDED"))
    kube: Any = FakeKube()
    assert made(client, clock).wait(kube, "r1", deadline=60).state == "SUCCEEDED"
    assert len(clock.slept) == 2


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_a_run_that_ended_badly_has_ended(clock: Any, state: str) -> None:
    kube: Any = FakeKube()
    assert made(FakeClient(FakeRun(state=state)), clock).wait(kube, "r1", deadline=60).state == state


def test_a_pod_in_trouble_ends_the_wait_early(clock: Any) -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "main", "state": waiting}]}}
    kube: Any = FakeKube([pod])
    with pytest.raises(WaitAborted, match="pod p: ErrImagePull: no such image"):
        made(FakeClient(FakeRun()), clock).wait(kube, "r1", deadline=900)
    assert sum(clock.slept) < 60


def test_the_deadline_names_what_is_unfinished(clock: Any) -> None:
    details = {
        "task_details": [
            {"display_name": "a", "state": "SUCCEEDED"},
            {"display_name": "b", "state": "RUNNING"},
        ]
    }
    kube: Any = FakeKube()
    with pytest.raises(WaitTimeout, match=r"Last state: RUNNING; b RUNNING"):
        made(FakeClient(FakeRun(run_details=details)), clock).wait(kube, "r1", deadline=10)


@pytest.mark.parametrize("away", [refused(503), refused(502), ProtocolError("gone"), ConnectionResetError()])
def test_an_api_that_is_away_is_asked_again(clock: Any, away: Exception) -> None:
    client = FakeClient(away, away, FakeRun(state="SUCCEEDED"))
    assert made(client, clock).look("r1").state == "SUCCEEDED"


def test_an_api_that_stays_away_is_an_error(clock: Any) -> None:
    with pytest.raises(WaitTimeout, match="HTTP 503: because"):
        made(FakeClient(refused(503)), clock).look("r1")
    assert clock.now <= 1000 + 61


@pytest.mark.parametrize("status", [302, 401])
def test_a_login_that_was_forgotten_is_made_again(clock: Any, status: int) -> None:
    clients = [FakeClient(refused(status, "<html>")), FakeClient(FakeRun(state="SUCCEEDED"))]
    pipelines = Pipelines(lambda: clients.pop(0), "ns", outage=60, clock=clock)
    assert pipelines.look("r1").state == "SUCCEEDED"
    assert clients == []


def test_a_refusal_is_none_of_the_waits(clock: Any) -> None:
    with pytest.raises(PipelinesError, match="HTTP 403: because") as caught:
        made(FakeClient(refused(403)), clock).look("r1")
    assert caught.value.status == 403
    assert clock.slept == []


def test_requests_have_a_limit_and_follow_nothing(clock: Any) -> None:
    client = FakeClient(FakeRun(state="SUCCEEDED"))
    made(client, clock).look("r1")
    pool = client._run_api.api_client.rest_client.pool_manager
    pool.request("GET", "http://x", timeout=None, fields={})
    assert client.sent == [(("GET", "http://x"), {"redirect": False, "timeout": 60.0, "fields": {}})]


def test_starts_a_run(clock: Any) -> None:
    client = FakeClient(FakeRun(run_id="r7"))
    started = made(client, clock).start("e1", "one", Path("/x/p.yaml"), parameters={"a": 1}, caching=False)
    assert started == "r7"
    [(name, args, options)] = client.calls
    assert (name, args) == ("run_pipeline", ("e1", "one"))
    assert options["pipeline_package_path"] == "/x/p.yaml"
    assert (options["params"], options["enable_caching"]) == ({"a": 1}, False)


def test_a_run_whose_start_was_not_answered_is_not_started_twice(clock: Any) -> None:
    there = SimpleNamespace(runs=[FakeRun(run_id="r8", display_name="one")])
    client = FakeClient(ProtocolError("gone"), there)
    assert made(client, clock).start("e1", "one", Path("p.yaml")) == "r8"
    assert [name for name, _, _ in client.calls] == ["run_pipeline", "list_runs"]


def test_a_run_that_never_arrived_is_started_again(clock: Any) -> None:
    client = FakeClient(ProtocolError("gone"), SimpleNamespace(runs=None), FakeRun(run_id="r9"))
    assert made(client, clock).start("e1", "one", Path("p.yaml")) == "r9"


def test_what_does_not_exist(clock: Any) -> None:
    pipelines = made(FakeClient(refused(404)), clock)
    assert not pipelines.exists("it", lambda client: client.get_run("r1"))
    pipelines.delete_run("r1")
    with pytest.raises(PipelinesError):
        made(FakeClient(refused(403)), clock).delete_run("r1")


def test_an_experiment_goes_with_its_runs(clock: Any) -> None:
    recurring = SimpleNamespace(recurring_runs=[SimpleNamespace(recurring_run_id="c1")])
    runs = SimpleNamespace(runs=[SimpleNamespace(run_id="r1"), SimpleNamespace(run_id="r2")])
    client = FakeClient(recurring, {}, runs, {}, {}, {})
    made(client, clock).delete_experiment("e1")
    assert [(name, args) for name, args, _ in client.calls if name.startswith("delete")] == [
        ("delete_recurring_run", ("c1",)),
        ("delete_run", ("r1",)),
        ("delete_run", ("r2",)),
        ("delete_experiment", ("e1",)),
    ]


def test_errors_come_from_the_run_or_from_its_history(clock: Any) -> None:
    task = {
        "display_name": "a",
        "state": "FAILED",
        "state_history": [{"error": None}, {"error": {"message": "m"}}],
    }
    run = FakeRun(state="FAILED", error={"code": 1, "message": "bad"}, run_details={"task_details": [task]})
    state = made(FakeClient(run), clock).look("r1")
    assert state == RunState("r1", "FAILED", "bad", (Task("a", "FAILED", "m"),))
    assert state.describe() == "FAILED bad; a FAILED m"
    assert state.states("a") == ["FAILED"]


def test_a_recurring_run_whose_answer_was_lost_is_not_made_twice(clock: Any) -> None:
    there = SimpleNamespace(recurring_runs=[SimpleNamespace(recurring_run_id="c1")])
    client = FakeClient(ProtocolError("gone"), there)
    made_run = made(client, clock).repeat("e1", "again", Path("p.yaml"), seconds=15, parameters={"a": 1})
    assert made_run == "c1"
    [(first, _, options), (second, _, _)] = client.calls
    assert (first, second) == ("create_recurring_run", "list_recurring_runs")
    assert (options["interval_second"], options["params"]) == (15, {"a": 1})


def test_an_upload_whose_answer_was_lost_is_not_made_twice(clock: Any) -> None:
    others = SimpleNamespace(pipelines=[SimpleNamespace(pipeline_id="x", display_name="other")])
    uploaded = SimpleNamespace(pipeline_id="p1", display_name="mine")
    versions = SimpleNamespace(pipeline_versions=[SimpleNamespace(pipeline_version_id="v1")])
    client = FakeClient(ProtocolError("gone"), others, uploaded, versions)
    assert made(client, clock).upload("mine", Path("p.yaml"), "d") == ("p1", "v1")
    assert [name for name, _, _ in client.calls] == [
        "upload_pipeline",
        "list_pipelines",
        "upload_pipeline",
        "list_pipeline_versions",
    ]
