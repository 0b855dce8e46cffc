from __future__ import annotations

import base64
import json

from labkubeflow.pipelines.store.records import ARCHIVED
from starlette.testclient import TestClient

from .conftest import SPEC, World
from .forms import same_as_sent


def _filter(key: str, operation: object, **value: object) -> str:
    return json.dumps({"predicates": [{"key": key, "operation": operation, **value}]})


def test_what_is_made_is_found_again(ann: TestClient) -> None:
    body = {"display_name": "one", "description": "the first", "namespace": "ann"}
    made = ann.post("/experiments", json=body).json()
    assert same_as_sent("V2beta1Experiment", "Experiment", made).storage_state == "AVAILABLE"
    assert {name: made[name] for name in body} == body
    assert made["created_at"] == "2023-11-14T22:13:20Z"
    assert ann.get(f"/experiments/{made['experiment_id']}").json() == made
    listed = ann.get("/experiments", params={"namespace": "ann"}).json()
    assert listed == {"experiments": [made], "total_size": 1}


def test_an_empty_list_is_left_out(ann: TestClient) -> None:
    assert ann.get("/experiments", params={"namespace": "ann"}).json() == {}


def test_a_name_can_be_given_once_in_a_namespace(ann: TestClient, bob: TestClient, experiment: str) -> None:
    again = ann.post("/experiments", json={"display_name": "tests", "namespace": "ann"})
    assert (again.status_code, again.json()["code"]) == (409, 6)
    assert bob.post("/experiments", json={"display_name": "tests", "namespace": "bob"}).status_code == 200


def test_errors_have_the_gateway_s_form(ann: TestClient) -> None:
    answer = ann.get("/experiments/none")
    assert answer.status_code == 404
    body = answer.json()
    assert body["code"] == 5
    assert body["error"] == body["message"] == "ResourceNotFoundError: Experiment none not found."
    status = {"@type": "type.googleapis.com/google.rpc.Status", "code": 5, "message": body["message"]}
    assert body["details"] == [status]


def test_bad_requests_are_refused(ann: TestClient) -> None:
    def refused(body: object) -> str:
        answer = ann.post("/experiments", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        return str(answer.json()["message"])

    assert 'no field named "colour"' in refused({"display_name": "x", "namespace": "ann", "colour": "red"})
    assert "namespace" in refused({"display_name": "x"})
    assert "non-empty name" in refused({"namespace": "ann"})
    assert "object" in refused(["x"])
    assert ann.post("/experiments", content=b"{").status_code == 400
    assert "limit" in ann.get("/experiments", params={"namespace": "ann", "limit": "3"}).json()["message"]


def test_both_spellings_of_names_are_read(ann: TestClient) -> None:
    made = ann.post("/experiments", json={"displayName": "camel", "namespace": "ann"}).json()
    assert made["display_name"] == "camel"


def test_pages(ann: TestClient, world: World) -> None:
    for name in "cabde":
        world.clock.now += 1
        ann.post("/experiments", json={"display_name": name, "namespace": "ann"})

    def pages(**parameters: str) -> list[str]:
        found, token = [], ""
        while True:
            query = {"namespace": "ann", "page_size": "2", "page_token": token, **parameters}
            answer = ann.get("/experiments", params=query).json()
            assert answer["total_size"] == 5
            found.append("".join(item["display_name"] for item in answer["experiments"]))
            token = answer.get("next_page_token", "")
            if not token:
                return found

    assert pages() == ["ca", "bd", "e"]
    assert pages(sort_by="created_at desc") == ["ed", "ba", "c"]
    assert pages(sort_by="display_name") == ["ab", "cd", "e"]
    assert pages(sort_by="name desc") == ["ed", "cb", "a"]


def test_a_page_token_belongs_to_its_question(ann: TestClient, world: World) -> None:
    for name in "abc":
        ann.post("/experiments", json={"display_name": name, "namespace": "ann"})
    query = {"namespace": "ann", "page_size": "1", "sort_by": "name desc"}
    token = ann.get("/experiments", params=query).json()["next_page_token"]
    alone = ann.get("/experiments", params={"namespace": "ann", "page_size": "1", "page_token": token}).json()
    assert alone["experiments"][0]["display_name"] == "b"
    other = ann.get("/experiments", params={**query, "sort_by": "name", "page_token": token})
    assert other.status_code == 400
    forged = {"question": ["state", False, ""], "value": 1, "key": "x"}
    for bad in ("x", "e30=", "W10=", base64.b64encode(json.dumps(forged).encode()).decode()):
        query = {"namespace": "ann", "page_token": bad}
        assert ann.get("/experiments", params=query).status_code == 400, bad


def test_filters(ann: TestClient, world: World) -> None:
    for name in ("alpha", "beta", "be%ta"):
        world.clock.now += 10
        ann.post("/experiments", json={"display_name": name, "namespace": "ann"})

    def names(text: str) -> list[str]:
        answer = ann.get("/experiments", params={"namespace": "ann", "filter": text})
        assert answer.status_code == 200, answer.text
        return [item["display_name"] for item in answer.json().get("experiments", [])]

    assert names(_filter("display_name", 1, stringValue="ALPHA")) == ["alpha"]
    assert names(_filter("display_name", "NOT_EQUALS", string_value="alpha")) == ["beta", "be%ta"]
    assert names(_filter("name", 9, stringValue="e%T")) == ["be%ta"]
    assert names(_filter("name", "IN", stringValues={"values": ["alpha", "beta", "x"]})) == ["alpha", "beta"]
    assert names(_filter("created_at", "GREATER_THAN", longValue="1700000010")) == ["beta", "be%ta"]
    before = _filter("created_at", "LESS_THAN_EQUALS", timestampValue="2023-11-14T22:13:30Z")
    assert names(before) == ["alpha"]
    assert names("") == ["alpha", "beta", "be%ta"]


def test_filters_that_make_no_sense_are_refused(ann: TestClient) -> None:
    for text in (
        "{",
        _filter("colour", 1, stringValue="red"),
        _filter("name", "LIKE", stringValue="red"),
        _filter("name", 1),
        _filter("name", "IN", stringValue="red"),
        _filter("name", 1, stringValues={"values": ["red"]}),
        _filter("name", 9, intValue=1),
        _filter("created_at", 3, stringValue="yesterday"),
        json.dumps({"predicates": [{"key": "name", "stringValue": "red"}]}),
        json.dumps({"conditions": []}),
    ):
        answer = ann.get("/experiments", params={"namespace": "ann", "filter": text})
        assert answer.status_code == 400, text
    for order in ("colour", "name up", "name desc now"):
        assert ann.get("/experiments", params={"namespace": "ann", "sort_by": order}).status_code == 400
    for size in ("-1", "many"):
        assert ann.get("/experiments", params={"namespace": "ann", "page_size": size}).status_code == 400


def test_an_archive_takes_runs_along(ann: TestClient, world: World, experiment: str) -> None:
    body = {"display_name": "r", "experiment_id": experiment, "pipeline_spec": SPEC}
    run = ann.post("/runs", json=body).json()
    trigger = {"periodic_schedule": {"interval_second": "60"}}
    more = {"mode": "ENABLE", "max_concurrency": "1", "trigger": trigger}
    recurring = ann.post("/recurringruns", json={**body, **more}).json()["recurring_run_id"]
    assert ann.post(f"/experiments/{experiment}:archive").json() == {}
    assert ann.get(f"/experiments/{experiment}").json()["storage_state"] == ARCHIVED
    assert ann.get(f"/runs/{run['run_id']}").json()["storage_state"] == ARCHIVED
    assert ann.get(f"/recurringruns/{recurring}").json()["status"] == "DISABLED"
    refused = ann.post("/runs", json=body)
    assert refused.status_code == 400
    assert "archived" in refused.json()["message"]
    assert ann.post(f"/experiments/{experiment}:unarchive").json() == {}
    assert ann.get(f"/experiments/{experiment}").json()["storage_state"] == "AVAILABLE"
    assert ann.get(f"/runs/{run['run_id']}").json()["storage_state"] == ARCHIVED


def test_deletion_leaves_runs(ann: TestClient, experiment: str) -> None:
    body = {"display_name": "r", "experiment_id": experiment, "pipeline_spec": SPEC}
    run_id = ann.post("/runs", json=body).json()["run_id"]
    assert ann.delete(f"/experiments/{experiment}").json() == {}
    assert ann.get(f"/experiments/{experiment}").status_code == 404
    assert ann.get(f"/runs/{run_id}").status_code == 200
