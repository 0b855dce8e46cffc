from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from labkubeflow.pipelines.api.errors import ApiError
from labkubeflow.pipelines.api.schedule import NEVER, check_trigger, next_due
from labkubeflow.pipelines.api.scheduler import NAMESPACE_GONE, PIPELINE_GONE, Scheduler, fnv32a, run_name
from labkubeflow.pipelines.model import State
from starlette.testclient import TestClient

from .conftest import SPEC, World
from .forms import same_as_sent

START = 1_700_000_000  # 2023-11-14T22:13:20Z


def _job(client: TestClient, experiment: str, trigger: dict[str, Any] | None = None, **more: Any) -> str:
    body = {
        "display_name": "Every Minute!",
        "experiment_id": experiment,
        "pipeline_spec": SPEC,
        "mode": "ENABLE",
        "max_concurrency": "1",
        "trigger": trigger or {"periodic_schedule": {"interval_second": "60"}},
        **more,
    }
    answer = client.post("/recurringruns", json=body)
    assert answer.status_code == 200, answer.text
    same_as_sent("V2beta1RecurringRun", "RecurringRun", answer.json())
    return str(answer.json()["recurring_run_id"])


def _runs(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/runs", params={"namespace": "ann"}).json().get("runs", [])
    return found


def _settle(world: World) -> float:
    """Let the scheduler do all that is to be done now."""
    for _ in range(20):
        pause = world.scheduler.tick()
        if pause > 0:
            return pause
    raise AssertionError("the scheduler does not settle")


def _cron(text: str, after: str) -> str:
    base = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    trigger = {"cron_schedule": {"cron": text}}
    check_trigger(trigger)
    due = next_due(trigger, base, 0, no_catchup=False, now=base)
    return datetime.fromtimestamp(due, UTC).isoformat(" ").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("*/2 * * * * *", "2024-02-28 12:00:02"),
        ("0 */5 * * * *", "2024-02-28 12:05:00"),
        ("30 0 9 ? * MON-FRI", "2024-02-29 09:00:30"),
        ("0 0 0 29 2 ?", "2024-02-29 00:00:00"),
        ("0 0 0 1 1 *", "2025-01-01 00:00:00"),
        ("0 0 12 1 *", "2024-03-01 12:00:00"),
        ("@hourly", "2024-02-28 13:00:00"),
        ("@weekly", "2024-03-03 00:00:00"),
        ("0 0 0 13 * FRI", "2024-03-01 00:00:00"),
    ],
)
def test_cron_expressions_are_those_of_upstream(text: str, wanted: str) -> None:
    assert _cron(text, "2024-02-28 12:00:00") == wanted


@pytest.mark.parametrize(
    "trigger",
    [
        {},
        {"cron_schedule": {}},
        {"cron_schedule": {"cron": "* * *"}},
        {"cron_schedule": {"cron": "61 * * * * *"}},
        {"cron_schedule": {"cron": "0 0 0 L * ?"}},
        {"cron_schedule": {"cron": "0 0 0 ? * 5#2"}},
        {"cron_schedule": {"cron": "@sometimes"}},
        {"cron_schedule": {"cron": "@every 1h"}},
        {"periodic_schedule": {}},
        {"periodic_schedule": {"interval_second": "-5"}},
        {"periodic_schedule": {"interval_second": "5"}, "cron_schedule": {"cron": "@daily"}},
    ],
)
def test_other_triggers_are_refused(trigger: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        check_trigger(trigger)


def test_start_and_end_are_kept() -> None:
    def due(last: float, **schedule: str) -> float:
        trigger = {"periodic_schedule": {"interval_second": "60", **schedule}}
        return next_due(trigger, START, last, no_catchup=False, now=START)

    assert due(0) == START + 60
    assert due(0, start_time="2023-11-14T23:13:20Z") == START + 3600 + 60
    assert due(START + 120) == START + 180
    assert due(0, end_time="2023-11-14T22:14:20Z") == START + 60
    assert due(START + 60, end_time="2023-11-14T22:14:20Z") == NEVER


@pytest.mark.parametrize("schedule", ["cron", "periodic"])
def test_what_was_missed_is_made_up_for_or_not(schedule: str) -> None:
    trigger: dict[str, Any] = {"periodic_schedule": {"interval_second": "60"}}
    if schedule == "cron":
        trigger = {"cron_schedule": {"cron": "20 * * * * *"}}
    now = START + 601
    assert next_due(trigger, START, START, no_catchup=False, now=now) == START + 60
    latest = START + 600 if schedule == "cron" else now
    assert next_due(trigger, START, START, no_catchup=True, now=now) == latest
    assert next_due(trigger, START, START, no_catchup=True, now=START + 61) == START + 60
    assert next_due(trigger, START, START, no_catchup=True, now=START) == START + 60


def test_one_is_made_and_found(ann: TestClient, world: World, experiment: str) -> None:
    trigger = {"cron_schedule": {"cron": "0 0 9 * * *", "start_time": "2024-01-01T00:00:00Z"}}
    job = _job(ann, experiment, trigger, no_catchup=True, description="words")
    found = ann.get(f"/recurringruns/{job}").json()
    assert (found["mode"], found["status"], found["no_catchup"]) == ("ENABLE", "ENABLED", True)
    assert (found["namespace"], found["max_concurrency"], found["trigger"]) == ("ann", "1", trigger)
    for query in ({"namespace": "ann"}, {"experiment_id": experiment}):
        listed = ann.get("/recurringruns", params=query).json()
        same_as_sent("V2beta1ListRecurringRunsResponse", "ListRecurringRunsResponse", listed)
        assert listed == {"recurringRuns": [found], "total_size": 1}
    assert world.woken


def test_bad_ones_are_refused(ann: TestClient, experiment: str) -> None:
    good = {
        "display_name": "j",
        "experiment_id": experiment,
        "pipeline_spec": SPEC,
        "max_concurrency": "1",
        "trigger": {"periodic_schedule": {"interval_second": "60"}},
    }
    for change in (
        {"display_name": ""},
        {"max_concurrency": "0"},
        {"max_concurrency": "11"},
        {"trigger": None},
        {"experiment_id": None, "namespace": "ann"},
        {"namespace": "bob"},
        {"pipeline_spec": None},
        {"mode": "SOMETIMES"},
        {"runtime_config": {"parameters": {"unknown": 1}}},
    ):
        assert ann.post("/recurringruns", json={**good, **change}).status_code == 400, change
    odd = {"runtime_config": {"parameters": {"when": "[[ScheduledTime.2006-01-02]]"}}}
    assert ann.post("/recurringruns", json={**good, **odd}).status_code == 501


def test_runs_are_started_in_time(ann: TestClient, world: World, experiment: str) -> None:
    config = {"parameters": {"at": "[[ScheduledTime]]/[[Index]]", "n": [[1], [2]]}}
    job = _job(ann, experiment, runtime_config=config)
    assert _settle(world) == 30
    world.clock.now = START + 59
    assert _settle(world) == 1
    assert _runs(ann) == []
    world.clock.now = START + 61
    _settle(world)
    (run,) = _runs(ann)
    same_as_sent("V2beta1Run", "Run", run)
    assert run["recurring_run_id"] == job
    assert run["experiment_id"] == experiment
    assert run["scheduled_at"] == "2023-11-14T22:14:20Z"
    assert run["display_name"].startswith("everyminute")
    assert run["runtime_config"]["parameters"] == {"at": "20231114221420/1", "n": [[1], [2]]}
    assert world.engine.submitted == [run["run_id"]]


def test_no_more_than_may_be_run_at_once(ann: TestClient, world: World, experiment: str) -> None:
    _job(ann, experiment, max_concurrency="2")
    world.clock.now = START + 600
    _settle(world)
    assert len(_runs(ann)) == 2
    woken = threading.Event()
    world.stores.runs.on_final = woken.set
    world.engine.finish(world.engine.submitted[0], State.FAILED)
    assert woken.is_set()
    _settle(world)
    runs = _runs(ann)
    assert len(runs) == 3
    times = [run["scheduled_at"][14:19] for run in sorted(runs, key=lambda run: run["scheduled_at"])]
    assert times == ["14:20", "15:20", "16:20"]


def test_without_catching_up_the_latest_time_alone_counts(
    ann: TestClient, world: World, experiment: str
) -> None:
    trigger = {"cron_schedule": {"cron": "20 * * * * *"}}
    _job(ann, experiment, trigger, no_catchup=True, max_concurrency="10")
    world.clock.now = START + 601
    _settle(world)
    (run,) = _runs(ann)
    assert run["scheduled_at"] == "2023-11-14T22:23:20Z"


def test_another_process_goes_on(ann: TestClient, world: World, experiment: str) -> None:
    _job(ann, experiment, max_concurrency="10")
    world.clock.now = START + 61
    _settle(world)
    successor = Scheduler(world.stores, world.engine, world.namespaces.__contains__, world.clock)
    assert successor.tick() == 30
    world.clock.now = START + 120
    assert successor.tick() == 0
    names = sorted(run["display_name"] for run in _runs(ann))
    prefix = names[0].split("-1-")[0]
    assert names == [run_name(prefix, 1), run_name(prefix, 2)]


def test_the_name_of_a_run_ends_with_its_sum() -> None:
    # The published vectors of FNV-1a.
    assert (fnv32a(""), fnv32a("a"), fnv32a("foobar")) == (0x811C9DC5, 0xE40C292C, 0xBF9CF968)
    assert run_name("job", 1) == f"job-1-{fnv32a('job-1')}"


def test_off_and_on(ann: TestClient, world: World, experiment: str) -> None:
    job = _job(ann, experiment, mode="DISABLE")
    assert ann.get(f"/recurringruns/{job}").json()["status"] == "DISABLED"
    world.clock.now = START + 61
    _settle(world)
    assert _runs(ann) == []
    assert ann.post(f"/recurringruns/{job}:enable").json() == {}
    assert ann.get(f"/recurringruns/{job}").json()["mode"] == "ENABLE"
    _settle(world)
    assert len(_runs(ann)) == 1
    assert ann.post(f"/recurringruns/{job}:disable").json() == {}
    world.engine.finish(world.engine.submitted[0])
    world.clock.now = START + 600
    _settle(world)
    assert len(_runs(ann)) == 1
    assert ann.delete(f"/recurringruns/{job}").json() == {}
    assert ann.get(f"/recurringruns/{job}").status_code == 404
    assert len(_runs(ann)) == 1


def test_the_newest_version_is_run_unless_one_is_named(
    ann: TestClient, world: World, experiment: str
) -> None:
    files = {"uploadfile": ("p.json", '{"root": {"first": 1}}')}
    pipeline = ann.post("/pipelines/upload", files=files).json()["pipeline_id"]
    reference = {"pipeline_id": pipeline}
    job = _job(ann, experiment, pipeline_spec=None, pipeline_version_reference=reference)
    assert ann.get(f"/recurringruns/{job}").json()["pipeline_version_reference"] == reference
    world.clock.now += 1
    files = {"uploadfile": ("q.json", '{"root": {"second": 2}}')}
    ann.post("/pipelines/upload_version", params={"pipelineid": pipeline}, files=files)
    world.clock.now = START + 61
    _settle(world)
    (run,) = _runs(ann)
    assert world.stores.runs.load(run["run_id"]).request.pipeline_spec == {"root": {"second": 2}}


def test_one_whose_ground_is_gone_is_switched_off(ann: TestClient, world: World, experiment: str) -> None:
    files = {"uploadfile": ("p.json", '{"root": {"first": 1}}')}
    pipeline = ann.post("/pipelines/upload", files=files).json()["pipeline_id"]
    (version,) = ann.get(f"/pipelines/{pipeline}/versions").json()["pipeline_versions"]
    reference = {"pipeline_id": pipeline, "pipeline_version_id": version["pipeline_version_id"]}
    gone = _job(ann, experiment, pipeline_spec=None, pipeline_version_reference=reference)
    assert ann.delete(f"/pipelines/{pipeline}/versions/{version['pipeline_version_id']}").json() == {}
    world.clock.now = START + 61
    _settle(world)
    found = ann.get(f"/recurringruns/{gone}").json()
    assert (found["status"], found["error"]["message"]) == ("DISABLED", PIPELINE_GONE)
    homeless = _job(ann, experiment)
    world.namespaces.discard("ann")
    world.clock.now += 120
    _settle(world)
    assert ann.get(f"/recurringruns/{homeless}").json()["error"]["message"] == NAMESPACE_GONE
    assert world.engine.submitted == []


def test_the_thread_starts_what_is_due(ann: TestClient, world: World, experiment: str) -> None:
    submitted = threading.Event()
    submit = world.engine.submit

    def note(run_id: str) -> None:
        submit(run_id)
        submitted.set()

    world.engine.submit = note  # type: ignore[method-assign]
    world.scheduler.start()
    try:
        _job(ann, experiment)
        world.clock.now = START + 61
        world.scheduler.wake()
        assert submitted.wait(20)
    finally:
        world.scheduler.stop()
