"""Values, conditions, placeholders and signatures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kfp.pipeline_spec import pipeline_spec_pb2
from labkubeflow.pipelines.engine import conditions, outcome
from labkubeflow.pipelines.engine.objects import sign
from labkubeflow.pipelines.engine.placeholders import (
    CommandLine,
    StepFiles,
    UnknownPlaceholderError,
    local_path,
)
from labkubeflow.pipelines.engine.values import from_text, to_text
from labkubeflow.pipelines.model import (
    Artifact,
    RunStatus,
    State,
    TaskDetail,
    Values,
    status_from_json,
    status_to_json,
)

from .conftest import FakeObjects

TYPES = pipeline_spec_pb2.ParameterType


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (3.0, "3"), (1.5, "1.5"), (True, "true"), ([1.0, "x"], '[1,"x"]'), ({"a": 2.0}, '{"a":2}')],
)
def test_values_as_texts(value: Any, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", " a\n", " a\n"),
        ("NUMBER_INTEGER", "3\n", 3),
        ("NUMBER_DOUBLE", "1.5", 1.5),
        ("BOOLEAN", "True", True),
        ("BOOLEAN", "0", False),
        ("LIST", "[1.0]", [1]),
        ("STRUCT", '{"a": 1}', {"a": 1}),
    ],
)
def test_files_of_parameters(kind: str, text: str, value: Any) -> None:
    found = from_text(TYPES.ParameterTypeEnum.Value(kind), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"), [("NUMBER_INTEGER", "x"), ("BOOLEAN", "yes"), ("LIST", "{}"), ("STRUCT", "[]")]
)
def test_files_of_another_type(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_text(TYPES.ParameterTypeEnum.Value(kind), text)


def test_conditions() -> None:
    assert conditions.holds("int(inputs.parameter_values['n']) > 5", {"n": 6})
    assert not conditions.holds("inputs.parameter_values['s'] == 'a' && true", {"s": "b"})
    assert conditions.holds("!(inputs.parameter_values['f'] == true)", {"f": False})
    with pytest.raises(ValueError, match="no such key"):
        conditions.holds("inputs.parameter_values['n'] == 1", {})
    with pytest.raises(ValueError, match="instead of true or false"):
        conditions.holds("inputs.parameter_values['n']", {"n": 1})
    assert conditions.select('parseJson(string_value)["a"]["b"]', {"a": {"b": [1, {"c": None}]}}) == [
        1,
        {"c": None},
    ]


CONCAT = json.dumps(
    {"Concat": ["a", "{{$.inputs.parameters['n']}}", {"IfPresent": {"InputName": "s", "Then": "b"}}]}
)


def line(**fields: Any) -> CommandLine:
    artifact = Artifact("data", "minio://mlpipeline/x/data", "system.Dataset", {"rows": 3})
    inputs = Values({"s": 'say "hi"', "n": 2.0}, {"data": [artifact]})
    return CommandLine(StepFiles(inputs, {"out": artifact}, ("p",)), **fields)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("{{$.inputs.parameters['s']}}", ['say "hi"']),
        ("{{$.json_escape[1].inputs.parameters['s']}}", ['say \\"hi\\"']),
        ("-n={{$.inputs.parameters['n']}}", ["-n=2"]),
        ("{{$.inputs.artifacts['data'].uri}}", ["minio://mlpipeline/x/data"]),
        ("{{$.inputs.artifacts['data'].path}}", ["/minio/mlpipeline/x/data"]),
        ("{{$.inputs.artifacts['data'].metadata['rows']}}", ["3"]),
        ("{{$.outputs.parameters['p'].output_file}}", ["/tmp/kfp/outputs/p"]),
        ("{{$.outputs.artifacts['out'].path}}", ["/minio/mlpipeline/x/data"]),
        ("{{$.pipeline_job_uuid}}", ["id"]),
        ("{{ jinja }} {{$.other}}", ["{{ jinja }} {{$.other}}"]),
        ('{"IfPresent": {"InputName": "s", "Then": ["a", "b"], "Else": ["c"]}}', ["a", "b"]),
        ('{"IfPresent": {"InputName": "none", "Then": ["a", "b"], "Else": ["c"]}}', ["c"]),
        ('{"IfPresent": {"InputName": "none", "Then": ["a", "b"]}}', []),
        (CONCAT, ["a2b"]),
        ("{{$.inputs.parameters['opt']}}", [""]),
    ],
)
def test_placeholders(word: str, words: list[str]) -> None:
    assert line(optional=("opt",), words={"pipeline_job_uuid": "id"}).arguments([word]) == words


def test_a_placeholder_for_nothing_is_an_error() -> None:
    with pytest.raises(UnknownPlaceholderError, match=r"inputs\.parameters\['none'\]"):
        line().text("{{$.inputs.parameters['none']}}")


def test_the_executors_input() -> None:
    found = json.loads(line().text("{{$}}"))
    assert found["inputs"]["parameterValues"] == {"s": 'say "hi"', "n": 2}
    assert found["outputs"]["outputFile"] == "/tmp/kfp_outputs/output_metadata.json"
    assert found["outputs"]["parameters"] == {"p": {"outputFile": "/tmp/kfp/outputs/p"}}


def test_local_paths() -> None:
    assert local_path("gs://b/k") == "/gcs/b/k"
    assert local_path("s3://b/k") == "/s3/b/k"
    with pytest.raises(ValueError, match="unsupported storage scheme"):
        local_path("http://b/k")


def test_a_known_signature() -> None:
    """The loopback test has a real server agree; this keeps it so."""
    headers = sign("GET", "minio.kubeflow:9000", "/mlpipeline/a", ("key", "secret"), 1_700_000_000.0)
    assert headers["x-amz-date"] == "20231114T221320Z"
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=key/20231114/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=11979ab290c82511c146b756a95f956881d848d81686ff978e6481d71dc69f5e"
    )


def pod(state: dict[str, Any], phase: str = "Running", **fields: Any) -> dict[str, Any]:
    statuses = [{"name": "main", "state": state}]
    return {"metadata": {}, "status": {"phase": phase, "containerStatuses": statuses, **fields}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, outcome.Lost()),
        (pod({"waiting": {"reason": "PodInitializing"}}, "Pending"), outcome.Waiting()),
        (pod({"running": {}}), outcome.Working()),
        (pod({"terminated": {"exitCode": 0, "message": "{}"}}), outcome.Succeeded({})),
        (
            pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            outcome.Failed("OOMKilled (exit code 137)"),
        ),
        (pod({"terminated": {"exitCode": 2}}), outcome.Failed("Error (exit code 2)")),
        (
            pod({}, "Failed", reason="Evicted", message="disk pressure"),
            outcome.Failed("Evicted: disk pressure"),
        ),
        (
            pod(
                {},
                "Failed",
                initContainerStatuses=[
                    {"name": "kfp-launcher", "state": {"terminated": {"exitCode": 1, "message": "full"}}}
                ],
            ),
            outcome.Failed("init container 'kfp-launcher': full"),
        ),
    ],
)
def test_what_a_pod_tells(found: dict[str, Any] | None, expected: outcome.Outcome) -> None:
    assert outcome.of_pod(found, FakeObjects()) == expected


def test_a_pod_on_its_way_out_is_lost_unless_it_ended_well() -> None:
    leaving = {"deletionTimestamp": "now"}
    ended = {**pod({"terminated": {"exitCode": 143}}), "metadata": leaving}
    assert outcome.of_pod(ended, FakeObjects()) == outcome.Lost()
    well = {**pod({"terminated": {"exitCode": 0, "message": "{}"}}), "metadata": leaving}
    assert outcome.of_pod(well, FakeObjects()) == outcome.Succeeded({})
    running = {**pod({"running": {}}), "metadata": leaving}
    assert outcome.of_pod(running, FakeObjects()) == outcome.Working()


def test_nonsense_from_the_launcher_is_a_failure() -> None:
    odd = pod({"terminated": {"exitCode": 0, "message": "what?"}})
    assert outcome.of_pod(odd, FakeObjects()) == outcome.Failed(
        "the launcher's result is not understood: 'what?'"
    )
    away = pod({"terminated": {"exitCode": 0, "message": '{"at": "minio://mlpipeline/x"}'}})
    assert isinstance(outcome.of_pod(away, FakeObjects()), outcome.Failed)


def test_a_status_survives_being_written() -> None:
    artifact = Artifact("a", "minio://mlpipeline/a", "system.Artifact", {"k": [1]})
    task = TaskDetail("id", "name", "path", state=State.RUNNING, outputs=Values({"p": 1}, {"a": [artifact]}))
    status = RunStatus(State.RUNNING, tasks=[task])
    assert status_from_json(json.loads(json.dumps(status_to_json(status)))) == status
