"""The client: the commands and their exit codes; without a cluster."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import juju_client
import pytest
import yaml
from juju_client import cmd_clouds, cmd_waitfor, kube
from juju_client.api import Api
from juju_client.errors import ApiError
from juju_client.kube import Kube, KubeError, NotFoundError
from juju_client.main import _MODULES, main
from juju_client.store import Store
from juju_controller.server import answer, methods

from .conftest import CA, Lab

NOBODY = "127.0.0.1:1"
"""An address at which nothing listens."""

# -- the whole client, with a controller in place of the cluster


@pytest.fixture
def connected(lab: Lab, home: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A client that knows a controller, which answers in this process."""
    store = Store(str(home / ".local" / "share" / "juju"))
    Path(store.directory).mkdir()
    (Path(store.directory) / "public-clouds.yaml").write_text("clouds: {}\n")
    details = {
        "uuid": "u",
        "api-endpoints": [NOBODY],
        "ca-cert": CA,
        "cloud": "my-k8s",
        "region": "localhost",
        "agent-version": "3.4.6",
        "proxy": {
            "config": {"namespace": "controller-uk8sx", "service": "controller-service", "api-host": "h"}
        },
    }
    store.put_controller(
        "uk8sx", details, {"user": "admin", "password": "p", "last-known-access": "superuser"}
    )

    def post(self: Kube, path: str, body: str, timeout: float = 60) -> str:
        assert "http:controller-service" in path
        lab.keeper.tick()
        return json.dumps(answer(body.encode(), methods(lab.keeper), "p"))

    monkeypatch.setattr(Kube, "post", post)
    return lab


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_documented_sequence(connected: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    added = run(capsys, "add-model", "kubeflow")
    assert added == (
        0,
        "",
        "Added 'kubeflow' model on my-k8s/localhost with credential 'my-k8s' for user 'admin'\n",
    )
    code, _, err = run(capsys, "add-model", "kubeflow")
    assert code == 1
    assert "already exists" in err
    assert run(capsys, "switch")[1] == "uk8sx:admin/kubeflow\n"
    code, out, err = run(capsys, "status", "--format", "json")
    assert (code, json.loads(out)["applications"], err) == (0, {}, 'Model "admin/kubeflow" is empty.\n')
    code, _, err = run(capsys, "deploy", "kubeflow", "--channel=1.8/stable")
    assert code == 1
    assert "repeat the deploy command with the --trust argument" in err
    code, out, err = run(capsys, "deploy", "kubeflow", "--trust", "--channel=1.8/stable")
    assert code == 0
    assert out.startswith("Executing changes:\n- upload charm ")
    assert err == 'Located bundle "kubeflow" in charm-hub, revision 414\nDeploy of bundle completed.\n'
    assert run(capsys, "deploy", "kubeflow", "--trust")[1] == "No changes to apply.\n"
    assert run(capsys, "config", "dex-auth", "public-url=http://x", "static-username=u") == (0, "", "")
    assert run(capsys, "config", "oidc-gatekeeper", "public-url=http://x") == (0, "", "")
    assert run(capsys, "config", "dex-auth", "static-username") == (0, "u\n", "")
    assert yaml.safe_load(run(capsys, "config", "dex-auth")[1])["settings"]["port"]["value"] == 5556
    connected.run(1)
    connected.cluster.all_ready()
    connected.run(60)
    everything = "--query=forEach(applications, app => app.status == 'active')"
    assert run(capsys, "wait-for", "model", "kubeflow", everything)[0] == 0
    code, out, _ = run(capsys, "debug-log", "--replay", "--no-tail", "--level", "ERROR", "--limit", "1")
    assert code == 0
    assert len(out.splitlines()) == 1
    models = json.loads(run(capsys, "models", "--format", "json")[1])
    assert models["current-model"] == "kubeflow"
    assert [m["name"] for m in models["models"]] == ["admin/controller", "admin/kubeflow"]
    listed = json.loads(run(capsys, "controllers", "--format=json")[1])
    assert listed["current-controller"] == "uk8sx"
    assert listed["controllers"]["uk8sx"]["current-model"] == "kubeflow"
    shown = yaml.safe_load(run(capsys, "show-controller", "uk8sx")[1])
    assert shown["uk8sx"]["details"]["ca-cert"] == CA
    code, _, err = run(capsys, "destroy-model", "kubeflow", "--no-prompt")
    assert (code, "persistent storage remaining" in err) == (1, True)
    code, _, err = run(capsys, "destroy-model", "kubeflow", "--no-prompt", "--destroy-storage")
    assert (code, err.endswith("\nModel destroyed.\n")) == (0, True)
    assert run(capsys, "switch")[1] == "uk8sx\n"


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["nosuch"], 2, 'ERROR juju: "nosuch" is not a juju command. See "juju --help".'),
        (["status", "--nosuch"], 2, "ERROR option provided but not defined: --nosuch"),
        (["status", "--format", "xml"], 2, 'unknown format "xml"'),
        (["status", "-m", "nosuch"], 1, 'ERROR model "admin/nosuch" not found'),
        (["status", "-m", "nosuch:kubeflow"], 1, "ERROR controller nosuch not found"),
        (["show-controller", "nosuch"], 1, "ERROR controller nosuch not found"),
        (["config"], 2, "no application name specified"),
        (["config", "a", "b=c", "d"], 2, "cannot set and retrieve values simultaneously"),
        (["config", "a", "b", "c"], 2, "can only retrieve a single value"),
        (["config", "a", "b", "--reset", "c"], 2, "cannot reset and retrieve"),
        (["deploy"], 2, "no charm or bundle specified"),
        (["add-model"], 2, "model name is required"),
        (["bootstrap", "nosuch", "x"], 1, 'unknown cloud "nosuch"'),
        (["wait-for", "model"], 2, "name must be supplied"),
        (["wait-for", "machine", "0"], 2, "unrecognized command"),
        (["debug-log", "--level", "LOUD"], 2, "is not one of"),
        (["destroy-model", "controller", "--no-prompt"], 1, "is a controller"),
        (["destroy-controller", "uk8sx", "--model-timeout", "5m"], 2, "only be used with --force"),
        (["destroy-controller", "uk8sx", "-y"], 2, "option provided but not defined: -y"),
        (["remove-cloud", "nosuch", "--client"], 1, "No cloud called"),
        (["add-k8s"], 2, "missing k8s cloud name"),
        (["clouds", "surplus"], 2, 'unrecognized args: ["surplus"]'),
    ],
)
def test_exit_codes(
    connected: Lab, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, text: str
) -> None:
    got, out, err = run(capsys, *argv)
    assert (got, out) == (code, "")
    assert text in err


def test_waiting_ends_in_time(connected: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "wait-for", "application", "minio", "-m", "nosuch", "--timeout", "10ms")
    assert (code, err) == (1, 'ERROR timed out waiting for "minio" to reach goal state\n')


def test_scopes_of_wait_for(connected: Lab) -> None:
    connected.deploy()
    scope = cmd_waitfor.model_scope(connected.keeper.full_status("kubeflow", []))
    assert scope["applications"]["minio"]["status"] == "waiting"
    assert scope["units"]["minio/0"]["agent-status"] == "allocating"


def test_an_unreachable_controller(
    connected: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def post(self: Kube, path: str, body: str, timeout: float = 60) -> str:
        calls.append(path)
        raise KubeError("connection refused")

    monkeypatch.setattr(Kube, "post", post)
    code, _, err = run(capsys, "status", "-m", "kubeflow", "--retry-delay", "1ms")
    assert code == 1
    assert "ERROR opening API connection" in err
    assert len(calls) == 4
    code, out, _ = run(capsys, "show-controller", "uk8sx", "--format", "json")
    assert code == 0
    assert "connection refused" in json.loads(out)["uk8sx"]["errors"][0]
    assert run(capsys, "unregister", "uk8sx", "--no-prompt") == (0, "", "")
    assert json.loads(run(capsys, "controllers", "--format", "json")[1])["controllers"] is None


def test_an_error_of_the_controller_has_a_kind(connected: Lab) -> None:
    api = Api.connect(Store(os.environ["HOME"] + "/.local/share/juju"))
    with pytest.raises(ApiError) as caught:
        api.call("FullStatus", model="nosuch", patterns=[])
    assert caught.value.kind == "not found"


@pytest.mark.parametrize("command", sorted({*_MODULES, "version"}))
def test_every_command_has_help(home: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert out.startswith("Usage: juju ")


def test_without_controllers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys, "version")
    assert first[:2] == (0, "3.4.6-genericlinux-amd64\n")
    assert "being run for the first time" in first[2]
    assert run(capsys, "version")[2] == ""
    assert run(capsys, "controllers", "--format", "json")[:2] == (
        0,
        '{"controllers":null,"current-controller":""}\n',
    )
    code, _, err = run(capsys, "controllers")
    assert (code, err.startswith("ERROR No controllers registered.")) == (1, True)
    assert json.loads(run(capsys, "clouds", "--client", "--format", "json")[1]).keys() == {"localhost"}


def test_a_missing_directory_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(juju_client.__path__[0]).parent / "bin" / "juju"
    done = subprocess.run(
        [sys.executable, str(program), "version"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "ERROR cannot create juju home directory" in done.stderr
    assert "create the ~/.local/share/juju directory manually" in done.stderr


# -- clouds


class FakeKube:
    """The part of a cluster that add-k8s looks at."""

    def __init__(self, provisioner: str = "microk8s.io/hostpath") -> None:
        self.provisioner = provisioner
        self.created: list[str] = []

    def create(self, objects: list[dict[str, Any]]) -> None:
        self.created += [item["kind"] for item in objects]

    def get(self, path: str, timeout: float = 60) -> dict[str, Any]:
        if "secrets" in path:
            return {"data": {"token": "dG9rZW4="}}
        if "nodes" in path:
            return {"items": [{"metadata": {"labels": {"microk8s.io/cluster": "true"}}}]}
        return {"items": [{"metadata": {"name": "microk8s-hostpath"}, "provisioner": self.provisioner}]}


KUBECONFIG = {
    "current-context": "microk8s",
    "contexts": [{"name": "microk8s", "context": {"cluster": "c", "user": "admin"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://10.0.2.15:16443"}}],
    "users": [{"name": "admin", "user": {"token": "t"}}],
}


@pytest.fixture
def cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    fake = FakeKube()
    monkeypatch.setattr(cmd_clouds, "Kube", lambda *unused: fake)
    monkeypatch.setattr(cmd_clouds, "read_kubeconfig", lambda text, path: KUBECONFIG)
    monkeypatch.setattr(sys.stdin, "read", lambda: "apiVersion: v1\n")
    return fake


def test_add_k8s_twice(cluster: FakeKube, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "add-k8s", "my-k8s", "--client")
    assert code == 0
    assert out.startswith('k8s substrate "microk8s/localhost" added as cloud "my-k8s".\n')
    described = json.loads(run(capsys, "clouds", "--client", "--format", "json")[1])["my-k8s"]
    assert (described["defined"], described["type"]) == ("local", "k8s")
    # The account is made in the cluster before the client finds out that it knows the cloud.
    before = len(cluster.created)
    code, _, err = run(capsys, "add-k8s", "my-k8s", "--client")
    assert code == 1
    assert 'k8s "my-k8s" already exists' in err
    assert len(cluster.created) == 2 * before
    assert run(capsys, "update-k8s", "my-k8s", "--client")[0] == 0
    assert run(capsys, "remove-cloud", "my-k8s", "--client")[0] == 0
    assert run(capsys, "update-k8s", "my-k8s", "--client")[0] == 1


def test_add_k8s_needs_storage(cluster: FakeKube, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.provisioner = "else/where"
    code, _, err = run(capsys, "add-k8s", "my-k8s", "--client")
    assert code == 1
    assert "No recommended storage configuration is defined on this cluster." in err


def test_add_k8s_without_a_kubeconfig(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run(capsys, "add-k8s", "my-k8s", "--client")
    assert code == 1
    assert err.splitlines()[-1].startswith("ERROR processing kubernetes config for add-k8s: open ")


def test_kubectl_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '*nosuch*) echo "Error from server (NotFound): x not found" >&2; exit 1;;\n'
        '*broken*) echo "error: it broke" >&2; exit 1;;\n'
        '*) c=${1#--kubeconfig=}; cat "$c";;\n'
        "esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("SNAP", str(tmp_path))
    cluster = Kube("https://h:1", CA, {"token": "t"}, str(tmp_path))
    config = cluster.get("/anything")
    assert config["users"][0]["user"] == {"token": "t"}
    with pytest.raises(NotFoundError):
        cluster.get("/nosuch")
    cluster.delete("/nosuch")
    with pytest.raises(KubeError, match="it broke"):
        cluster.get("/broken")
    assert kube.kubectl_program() == str(program)
