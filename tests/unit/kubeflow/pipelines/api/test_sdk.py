"""The real SDK against the server on a socket."""

import time
import warnings
from pathlib import Path
from typing import Any

import kfp_server_api
import pytest

from .conftest import ANN, BOB, SPEC, TOKEN, World

with warnings.catch_warnings():
    # The SDK's own imports.
    warnings.simplefilter("ignore")
    import kfp
    import kfp.client
    import kfp.dsl

# What the generated client does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:HTTPResponse.getheader:DeprecationWarning"),
]


@kfp.dsl.container_component  # type: ignore[untyped-decorator]
def hello(name: str):  # type: ignore[no-untyped-def]
    return kfp.dsl.ContainerSpec(image="busybox", command=["echo"], args=[name])


@kfp.dsl.pipeline(name="greeting")  # type: ignore[untyped-decorator]
def greeting(name: str = "you", times: int = 2) -> None:
    hello(name=name)


@pytest.fixture
def client(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    return _client(url, ANN)


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = str(tmp_path / "greeting.yaml")
    kfp.compiler.Compiler().compile(greeting, path)
    return path


def _client(url: str, user: str = "", **more: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        client = kfp.Client(host=url, namespace="ann", **more)
    if user:
        client.runs.api_client.default_headers["kubeflow-userid"] = user
    return client


def test_health(client: Any) -> None:
    assert client.get_kfp_healthz().multi_user is True


def test_experiments(client: Any) -> None:
    one = client.create_experiment("one", description="first", namespace="ann")
    assert client.create_experiment("one", namespace="ann").experiment_id == one.experiment_id
    assert client.get_experiment(experiment_name="one", namespace="ann").description == "first"
    with pytest.raises(ValueError, match="No experiment is found"):
        client.get_experiment(experiment_name="two", namespace="ann")
    assert client.list_experiments(namespace="ann", sort_by="created_at desc").total_size == 1
    client.archive_experiment(one.experiment_id)
    assert client.get_experiment(experiment_id=one.experiment_id).storage_state == "ARCHIVED"
    client.unarchive_experiment(one.experiment_id)
    client.delete_experiment(one.experiment_id)
    assert client.list_experiments(namespace="ann").experiments is None


def test_pipelines(client: Any, package: str) -> None:
    made = client.upload_pipeline(package, "greeting", "says hello", namespace="ann")
    assert (made.display_name, made.namespace) == ("greeting", "ann")
    shared = client.upload_pipeline(package)
    assert shared.display_name == "greeting"
    assert client.get_pipeline_id("greeting") == shared.pipeline_id
    assert client.get_pipeline_id("nothing") is None
    version = client.upload_pipeline_version(package, "v2", pipeline_id=made.pipeline_id, description="next")
    assert client.get_pipeline_version(made.pipeline_id, version.pipeline_version_id) == version
    assert version.pipeline_spec["pipelineInfo"] == {"name": "greeting"}
    listed = client.list_pipeline_versions(made.pipeline_id, sort_by="created_at desc")
    assert listed.total_size == 2
    assert client.list_pipelines(namespace="ann").pipelines == [client.get_pipeline(made.pipeline_id)]
    client.upload_pipeline_version(package, "v3", pipeline_name="greeting")
    for item in listed.pipeline_versions:
        client.delete_pipeline_version(made.pipeline_id, item.pipeline_version_id)
    client.delete_pipeline(made.pipeline_id)
    with pytest.raises(kfp_server_api.ApiException) as caught:
        client.get_pipeline(made.pipeline_id)
    assert caught.value.status == 404


def test_runs(client: Any, world: World) -> None:
    begun = client.create_run_from_pipeline_func(
        greeting, arguments={"name": "all", "times": 3}, experiment_name="tests", namespace="ann"
    )
    run = client.get_run(begun.run_id)
    assert (run.state, run.runtime_config.parameters) == ("PENDING", {"name": "all", "times": 3})
    world.engine.finish(begun.run_id)
    done = client.wait_for_run_completion(begun.run_id, timeout=10)
    assert (done.state, [change.state for change in done.state_history]) == (
        "SUCCEEDED",
        ["PENDING", "SUCCEEDED"],
    )
    assert done.pipeline_spec["root"]["inputDefinitions"]["parameters"]["times"]["defaultValue"] == 2
    world.clock.now += 1
    default = client.create_run_from_pipeline_func(greeting, namespace="ann", enable_caching=False)
    spec = world.stores.runs.load(default.run_id).request.pipeline_spec
    assert spec["root"]["dag"]["tasks"]["hello"]["cachingOptions"] == {}
    assert client.get_experiment(experiment_name="Default", namespace="ann")
    runs = client.list_runs(namespace="ann", sort_by="created_at desc", page_size=1)
    assert (runs.runs[0].run_id, runs.total_size) == (default.run_id, 2)
    rest = client.list_runs(namespace="ann", page_token=runs.next_page_token)
    assert [item.run_id for item in rest.runs] == [begun.run_id]
    client.terminate_run(default.run_id)
    assert client.get_run(default.run_id).state == "CANCELING"
    client.archive_run(begun.run_id)
    client.unarchive_run(begun.run_id)
    client.delete_run(begun.run_id)
    assert world.engine.forgotten == [begun.run_id]


def test_a_run_of_an_uploaded_version(client: Any, package: str, world: World) -> None:
    made = client.upload_pipeline(package, namespace="ann")
    (version,) = client.list_pipeline_versions(made.pipeline_id).pipeline_versions
    experiment = client.create_experiment("tests", namespace="ann")
    run = client.run_pipeline(
        experiment.experiment_id, "one", pipeline_id=made.pipeline_id, version_id=version.pipeline_version_id
    )
    assert run.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id
    assert world.engine.submitted == [run.run_id]


def test_recurring_runs(client: Any, package: str, world: World) -> None:
    experiment = client.create_experiment("tests", namespace="ann").experiment_id
    job = client.create_recurring_run(
        experiment, "ticks", cron_expression="*/2 * * * * *", pipeline_package_path=package, no_catchup=True
    )
    assert (job.status, job.trigger.cron_schedule.cron) == ("ENABLED", "*/2 * * * * *")
    slow = client.create_recurring_run(
        experiment, "slow", interval_second=3600, pipeline_package_path=package, params={"name": "x"}
    )
    assert slow.trigger.periodic_schedule.interval_second == "3600"
    world.clock.now += 10
    world.scheduler.tick()
    (run,) = client.list_runs(experiment_id=experiment).runs
    assert run.recurring_run_id == job.recurring_run_id
    client.disable_recurring_run(job.recurring_run_id)
    assert client.get_recurring_run(job.recurring_run_id).status == "DISABLED"
    client.enable_recurring_run(job.recurring_run_id)
    assert client.list_recurring_runs(experiment_id=experiment).total_size == 2
    client.delete_recurring_run(job.recurring_run_id)
    client.delete_recurring_run(slow.recurring_run_id)
    assert client.list_recurring_runs(namespace="ann").recurring_runs is None


def test_a_pod_asks_with_its_token(url: str, client: Any) -> None:
    client.create_experiment("tests", namespace="ann")
    pod = _client(url, existing_token=TOKEN)
    assert pod.list_experiments(namespace="ann").total_size == 1


def test_refusals_reach_the_caller(url: str, client: Any) -> None:
    stranger = _client(url, BOB)
    with pytest.raises(kfp_server_api.ApiException) as caught:
        stranger.list_runs(namespace="ann")
    assert caught.value.status == 403
    body = kfp_server_api.V2beta1Run(display_name="x", experiment_id="none", pipeline_spec=SPEC)
    with pytest.raises(kfp_server_api.ApiException) as caught:
        client.runs.run_service_create_run(body=body)
    assert caught.value.status == 404
    begun = time.monotonic()
    with pytest.raises(kfp_server_api.ApiException) as caught:
        _client(url).list_runs(namespace="ann")
    assert caught.value.status == 401
    assert time.monotonic() - begun < 10
