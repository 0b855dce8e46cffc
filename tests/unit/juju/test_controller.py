"""What the controller answers and refuses."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from juju_controller import deployment
from juju_controller.charmhub import Scalar
from juju_controller.errors import NotFoundError, RefusedError
from juju_controller.logbook import Logbook
from juju_controller.server import answer, methods, read_body
from juju_controller.workload import manifests

from .conftest import APPLICATIONS, Lab

PASSWORD = "secret"


def test_a_bundle_is_deployed_once_and_then_nothing_is_left_to_do(lab: Lab) -> None:
    changes = lab.deploy()
    assert sum(c.startswith("deploy application") for c in changes) == APPLICATIONS
    assert sum(c.startswith("upload charm mysql-k8s ") for c in changes) == 1
    assert "add relation dex-auth:oidc-client - oidc-gatekeeper:oidc-client" in changes
    assert lab.keeper.deploy("kubeflow", "kubeflow", "1.8/stable", dry_run=False) == {"changes": []}


def test_only_what_is_missing_is_deployed(lab: Lab) -> None:
    lab.keeper.add_model("kubeflow", {})
    bundle = lab.hub.bundle("kubeflow")
    model = lab.keeper._models["kubeflow"]
    deployment.execute(deployment.plan(bundle, model), model, 0.0)
    del model.applications["minio"]
    model.relations.remove(("minio:object-storage", "kfp-api:object-storage", "object-storage"))
    assert deployment.plan(bundle, model).changes == (
        "upload charm minio from charm-hub for base ubuntu@20.04/stable "
        "from channel ckf-1.8/stable with architecture=amd64",
        "deploy application minio from charm-hub on ubuntu@20.04/stable with ckf-1.8/stable",
        "add relation minio:object-storage - kfp-api:object-storage",
    )


def test_a_dry_run_changes_nothing(lab: Lab) -> None:
    lab.keeper.add_model("kubeflow", {})
    assert lab.keeper.deploy("kubeflow", "kubeflow", "", dry_run=True)["changes"]
    assert lab.status() == {}


def test_options_reach_the_pod_that_is_made_for_them(lab: Lab) -> None:
    def written() -> list[Mapping[str, Scalar]]:
        return [options for name, options in lab.cluster.configured if name == "dex-auth"]

    lab.deploy()
    lab.run(5)
    pod = lab.cluster.objects["kubeflow", "StatefulSet", "dex-auth"]["spec"]["template"]
    secret = lab.cluster.objects["kubeflow", "Secret", "dex-auth-options"]
    assert secret["stringData"] == {
        "connectors": "",
        "port": "5556",
        "public-url": "",
        "static-password": "",
        "static-username": "",
    }
    assert pod["metadata"]["annotations"]["rehearsal/options"]
    assert len(written()) == 1

    lab.keeper.config_set("kubeflow", "dex-auth", {"static-username": "ada"})
    lab.run(5)
    assert [options["static-username"] for options in written()] == ["", "ada"]
    lab.run(5)
    assert len(written()) == 2, "what has not changed is not written again"


def test_accounts_are_bound_in_the_models_namespace(lab: Lab) -> None:
    charm = lab.hub.charm("minio")
    binding: dict[str, Any] = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "minio"},
        "subjects": [{"kind": "ServiceAccount", "name": "minio"}],
    }
    bound = replace(charm, workload=replace(charm.workload, extra=(binding,)))
    made = {item["kind"]: item for item in manifests(bound, "one", {})}
    assert made["ClusterRoleBinding"]["subjects"][0]["namespace"] == "one"
    assert "namespace" not in binding["subjects"][0], "the charm itself stays as it is"


@pytest.mark.parametrize("channel", ["", "1.8", "1.8/stable"])
def test_channels_that_lead_to_the_bundle(lab: Lab, channel: str) -> None:
    lab.keeper.add_model("kubeflow", {})
    assert lab.keeper.resolve("kubeflow", "kubeflow", channel)["revision"] == 414


@pytest.mark.parametrize(
    ("name", "channel", "message"),
    [
        ("kubeflow", "9.9/stable", "charm or bundle not found for channel"),
        ("kubeflow", "edge", 'channel "latest/edge"'),
        ("nosuch", "", 'No charm or bundle with name "nosuch"'),
        ("minio", "", "deploys bundles only"),
    ],
)
def test_what_charmhub_does_not_have(lab: Lab, name: str, channel: str, message: str) -> None:
    lab.keeper.add_model("kubeflow", {})
    with pytest.raises((NotFoundError, RefusedError), match=message):
        lab.keeper.resolve("kubeflow", name, channel)


def test_a_model_whose_namespace_exists_is_refused(lab: Lab) -> None:
    lab.cluster.namespaces["kubeflow"] = {}
    with pytest.raises(RefusedError, match="already exists in the k8s cluster"):
        lab.keeper.add_model("kubeflow", {})
    with pytest.raises(RefusedError, match="not a valid name"):
        lab.keeper.add_model("Kubeflow", {})


@pytest.mark.parametrize(
    ("application", "settings", "message"),
    [
        ("nosuch", {"a": "b"}, 'application "nosuch" not found'),
        ("dex-auth", {"nosuch": "b"}, 'unknown option "nosuch"'),
        ("dex-auth", {"port": "abc"}, 'option "port" expected int, got "abc"'),
        ("jupyter-controller", {"use-istio": "maybe"}, "expected boolean"),
    ],
)
def test_bad_configuration_is_refused_and_changes_nothing(
    lab: Lab, application: str, settings: dict[str, str], message: str
) -> None:
    lab.deploy()
    with pytest.raises((NotFoundError, RefusedError), match=message):
        lab.keeper.config_set("kubeflow", application, {**settings})
    assert lab.keeper.config_get("kubeflow", "dex-auth")["settings"]["port"]["source"] == "default"


def test_configuration_is_set_read_and_reset(lab: Lab) -> None:
    lab.deploy()
    lab.keeper.config_set("kubeflow", "dex-auth", {"port": "5557"})
    entry = lab.keeper.config_get("kubeflow", "dex-auth")["settings"]["port"]
    assert (entry["value"], entry["source"], entry["default"]) == (5557, "user", 5556)
    lab.keeper.config_reset("kubeflow", "dex-auth", ["port"])
    assert lab.keeper.config_get("kubeflow", "dex-auth")["settings"]["port"]["value"] == 5556
    with pytest.raises(NotFoundError):
        lab.keeper.config_reset("kubeflow", "dex-auth", ["nosuch"])


def ask(lab: Lab, password: str = PASSWORD, **request: object) -> dict[str, object]:
    body = json.dumps({"user": "admin", "password": password, **request}).encode()
    return answer(body, methods(lab.keeper), PASSWORD)


def test_requests_need_the_password(lab: Lab) -> None:
    assert ask(lab, method="Ping") == {"result": {"version": "3.4.6"}}
    refused = {"message": "invalid entity name or password", "code": "unauthorized access"}
    assert ask(lab, password="guess", method="Ping") == {"error": refused}


def test_no_request_brings_the_server_down(lab: Lab) -> None:
    assert "no such request" in str(ask(lab, method="Nosuch"))
    assert "the controller failed" in str(ask(lab, method="FullStatus", params={"nosuch": 1}))
    assert "error" in answer(b"not json", methods(lab.keeper), PASSWORD)
    assert "error" in answer(b"[]", methods(lab.keeper), PASSWORD)


def test_bodies_in_chunks_and_of_stated_length() -> None:
    chunked, stated = Message(), Message()
    chunked["Transfer-Encoding"] = "chunked"
    stated["Content-Length"] = "5"
    assert read_body(chunked, io.BytesIO(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) == b"abcde"
    assert read_body(stated, io.BytesIO(b"abcdefgh")) == b"abcde"
    with pytest.raises(ValueError, match="invalid literal"):
        read_body(chunked, io.BytesIO(b"nonsense"))


def test_the_log_survives_a_restart_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    book = Logbook(path)
    book.write(1.0, "kubeflow", "unit-minio-0", "INFO", "one")
    book.write(2.0, "kubeflow", "unit-kfp-db-0", "ERROR", "two")
    book.write(3.0, "other", "unit-x-0", "ERROR", "three")
    with path.open("a") as stream:
        stream.write('{"number": 4, "at"')
    again = Logbook(path)
    assert [e["message"] for e in again.read("kubeflow")] == ["one", "two"]
    assert [e["message"] for e in again.read("kubeflow", level="WARNING")] == ["two"]
    assert [e["message"] for e in again.read("kubeflow", include=["minio/0"])] == ["one"]
    assert [e["message"] for e in again.read("kubeflow", last=1)] == ["two"]
    assert [e["module"] for e in again.read("kubeflow", after=1)] == ["unit.kfp-db/0.juju-log"]
