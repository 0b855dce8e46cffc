"""The process: webhooks as the API server calls them, rounds."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from kopf._cogs.structs.ephemera import AnyMemo
from kopf._cogs.structs.ids import HandlerId
from kopf._cogs.structs.references import Insights, Resource
from kopf._core.engines import admission
from kopf._core.reactor.inventory import ResourceMemories
from labkubeflow.common.kube import KubeError
from labkubeflow.katib import rounds
from labkubeflow.katib.cluster import Cluster
from labkubeflow.katib.defaults import complete
from labkubeflow.katib.operator import registry
from labkubeflow.katib.rounds import Rounds

from .conftest import SPACE, Api, Object, make_spec

RESOURCE = Resource(
    group="kubeflow.org",
    version="v1beta1",
    plural="experiments",
    kind="Experiment",
    namespaced=True,
)


def ask(webhook: str, experiment: Object, old: Object | None = None) -> Object:
    """Ask a webhook as the API server does; return its response."""

    request: Any = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "resource": {"group": "kubeflow.org", "version": "v1beta1", "resource": "experiments"},
            "operation": "CREATE" if old is None else "UPDATE",
            "userInfo": {"username": "someone"},
            "object": experiment,
            "oldObject": old,
            "dryRun": False,
        },
    }

    async def answer() -> Any:
        insights = Insights()
        insights.webhook_resources.add(RESOURCE)
        return await admission.serve_admission_request(
            request,
            webhook=HandlerId(webhook),
            settings=kopf.OperatorSettings(),
            memories=ResourceMemories(),
            memobase=AnyMemo(object()),
            registry=registry(Cluster(Api()), Rounds(lambda namespace, name: None)),
            insights=insights,
            indices={},
        )

    response: Object = asyncio.run(answer())["response"]
    return response


def experiment(spec: Object) -> Object:
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "exp", "namespace": SPACE},
        "spec": spec,
    }


def test_the_validator_lets_in_what_is_right() -> None:
    assert ask("validator.experiment", experiment(make_spec()))["allowed"] is True


def test_the_validator_says_what_is_wrong() -> None:
    spec = make_spec(parallelTrialCount=10)
    del spec["trialTemplate"]["primaryContainerName"]
    response = ask("validator.experiment", experiment(spec))
    assert response["allowed"] is False
    assert response["status"]["code"] == 400
    message = response["status"]["message"]
    assert "spec.parallelTrialCount: 10 is greater" in message
    assert "spec.trialTemplate.primaryContainerName: must be specified" in message


def test_the_validator_looks_at_changes() -> None:
    old = experiment(make_spec())
    assert ask("validator.experiment", experiment(make_spec(parallelTrialCount=1)), old)["allowed"] is True
    other = experiment(make_spec(objective={"type": "maximize", "objectiveMetricName": "loss"}))
    assert ask("validator.experiment", other, old)["allowed"] is False


def test_the_defaulter_fills_in() -> None:
    spec = make_spec()
    del spec["parallelTrialCount"]
    response = ask("defaulter.experiment", experiment(spec))
    assert response["allowed"] is True
    changes = {item["path"]: item["value"] for item in json.loads(base64.b64decode(response["patch"]))}
    assert changes["/spec/parallelTrialCount"] == 3
    assert changes["/spec/resumePolicy"] == "Never"


def test_the_defaulter_leaves_alone_what_is_complete() -> None:
    assert "patch" not in ask("defaulter.experiment", experiment(complete(make_spec())))


def test_defaults_are_katibs() -> None:
    spec = make_spec()
    spec["objective"]["additionalMetricNames"] = ["accuracy"]
    found = complete(spec)
    assert found["objective"]["metricStrategies"] == [
        {"name": "loss", "value": "min"},
        {"name": "accuracy", "value": "min"},
    ]
    assert found["metricsCollectorSpec"] == {"collector": {"kind": "StdOut"}}
    assert 'type=="Complete"' in found["trialTemplate"]["successCondition"]
    assert complete(found) == found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(rounds, "RETRY_SECONDS", 0.01)


def run_rounds(script: list[float | Exception | None], *asked: str) -> list[str]:
    """Make rounds until the script is at its end; return who had one."""
    seen: list[str] = []

    async def main() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def do(_: str, name: str) -> float | None:
            seen.append(name)
            if len(seen) == len(script):
                loop.call_soon_threadsafe(done.set)
            step = script[len(seen) - 1]
            if isinstance(step, Exception):
                raise step
            return step

        made = Rounds(do)
        task = asyncio.create_task(made.run())
        for name in asked:
            made.ask((SPACE, name))
        await asyncio.wait_for(done.wait(), 10)
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(main())
    return seen


@pytest.mark.usefixtures("quick")
def test_many_changes_are_one_round() -> None:
    assert run_rounds([None, None], "a", "b", "a", "a") == ["a", "b"]


@pytest.mark.usefixtures("quick")
def test_a_round_that_failed_is_made_again() -> None:
    script: list[float | Exception | None] = [
        KubeError(0, "", "away"),
        KeyError("x"),
        KubeError(409, "", ""),
        None,
    ]
    assert run_rounds(script, "a") == ["a"] * 4


@pytest.mark.usefixtures("quick")
def test_who_wants_another_round_has_it() -> None:
    assert run_rounds([0.01, None], "a") == ["a", "a"]


APPLICATION = Path("rehearsal/images/juju/juju_controller/bundle/applications/katib-controller.yaml")


def test_the_kinds_have_schemas_without_gaps() -> None:
    extra = yaml.safe_load(APPLICATION.read_text(encoding="utf-8"))["workload"]["extra"]
    kinds = [item for item in extra if item["kind"] == "CustomResourceDefinition"]
    assert {item["spec"]["names"]["kind"] for item in kinds} == {"Experiment", "Suggestion", "Trial"}
    loose = set()

    def look(schema: Object, path: str) -> None:
        assert "type" in schema, path
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            loose.add(path.rpartition(".")[2])
        for name, inner in schema.get("properties", {}).items():
            look(inner, f"{path}.{name}")
        if "items" in schema:
            look(schema["items"], f"{path}[]")

    for item in kinds:
        version = item["spec"]["versions"][0]
        assert version["subresources"] == {"status": {}}
        look(version["schema"]["openAPIV3Schema"], item["spec"]["names"]["kind"])
    assert loose == {"trialSpec", "runSpec", "customCollector", "httpGet"}
