from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from lab.config import Settings
from lab.errors import VMError
from lab.probes.status import collect, render
from lab.transport.base import CommandTimeout, Transport

Answers = dict[str, tuple[int, str, str]]

OBJECTS = "".join(
    "\t".join(fields) + "\n"
    for fields in (
        ("Node", "", "lab", "", "", "", "", "True", "2026-11-23T18:00:00Z", "kubelet is posting ready", ""),
        ("Deployment", "kube-system", "coredns", "1", "1", "", "", "", "", "", "2026-11-23T18:05:00Z"),
        ("Deployment", "kube-system", "hostpath-provisioner", "1", "1", "", "", "", "", "", ""),
        ("DaemonSet", "ingress", "nginx-ingress-microk8s-controller", "", "", "1", "1", "", "", "", ""),
        ("Deployment", "metallb-system", "controller", "1", "1", "", "", "", "", "", ""),
        ("DaemonSet", "metallb-system", "speaker", "", "", "1", "1", "", "", "", ""),
    )
)
ADDONS = ("dns", "ha-cluster", "hostpath-storage", "storage", "ingress", "metallb", "rbac")
MICROK8S = "microk8s:\n  running: True\nhigh-availability:\n  enabled: False\naddons:\n" + "".join(
    f"  - name: {name}\n    repository: core\n    version: 1\n    status: enabled\n" for name in ADDONS
)
SNAPD = """\
snap    2.57.6
snapd   2.57.6
series  16
debian  12
kernel  6.1.0
"""
SNAPS = "microk8s ok\njuju ok\n"


def lists(objects: tuple[int, str, str]) -> Answers:
    """Return the API server's three lists for lines of the form above."""
    code, text, error = objects
    found: dict[str, list[dict[str, Any]]] = {"nodes": [], "deployments": [], "daemonsets": []}
    for line in text.splitlines():
        kind, namespace, name, wanted, ready, d_wanted, d_ready, node, node_since, why, since = line.split(
            "\t"
        )
        numbers = {"desiredNumberScheduled": int(d_wanted or 0), "numberReady": int(d_ready or 0)}
        conditions = [
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": node, "lastTransitionTime": node_since, "message": why},
            {"type": "Available", "lastTransitionTime": since or None},
        ]
        status = {**numbers, **({"readyReplicas": int(ready)} if ready else {}), "conditions": conditions}
        item = {"metadata": {"namespace": namespace, "name": name}, "spec": {"replicas": int(wanted or 0)}}
        found[f"{kind.lower()}s"].append({**item, "status": status})
    return {
        name: (code, json.dumps({"items": items}) if text else "", error) for name, items in found.items()
    }


def juju_status(settings: Settings, **changed: dict[str, Any]) -> str:
    since = "2026-11-23 18:10:00Z"
    active = {"application-status": {"current": "active", "since": since}}
    applications: dict[str, Any] = {name: dict(active) for name in settings.edition.expect.applications}
    for name, data in changed.items():
        applications[name.replace("_", "-")] = data
    model = {"name": "kubeflow", "model-status": {"current": "available", "since": since}}
    return json.dumps({"model": model, "machines": {}, "applications": applications})


@pytest.fixture
def answers(settings: Settings) -> Answers:
    """A lab in which all is well."""
    return {
        "clock": (0, "1795462200\n", ""),
        "uptime": (0, "3600.00 7000.00\n", ""),
        "snapd": (0, "ActiveState=active\nActiveEnterTimestamp=@1795458660\n", ""),
        "snap": (0, SNAPD, ""),
        "snaps": (0, SNAPS, ""),
        "apiserver": (0, "--secure-port=16443\n--authorization-mode=RBAC,Node\n", ""),
        **lists((0, OBJECTS, "")),
        "controllers": (0, "controllers:\n  uk8sx:\n    uuid: 1\ncurrent-controller: uk8sx\n", ""),
        "models": (0, "controllers:\n  uk8sx:\n    models:\n      admin/kubeflow: {uuid: 2}\n", ""),
        "juju": (0, juju_status(settings), ""),
    }


@pytest.fixture
def look(settings: Settings, make_guest: Callable[[Answers], Any], answers: Answers) -> Callable[..., Any]:
    def collect_with(**changed: tuple[int, str, str] | None) -> Any:
        if "objects" in changed:
            objects = changed.pop("objects")
            changed |= dict.fromkeys(lists((0, "", ""))) if objects is None else lists(objects)
        merged = {name: answer for name, answer in {**answers, **changed}.items() if answer is not None}
        return collect(make_guest(merged), "running", settings)

    return collect_with


def test_all_is_well(look: Callable[..., Any]) -> None:
    status = look()
    assert status.exit_code == 0
    assert status.ready
    assert status.trouble == ""
    assert status.layer("vm").own.since == "2026-11-23T18:30:00Z"
    assert status.layer("snapd").own.since == "2026-11-23T18:31:00Z"
    assert status.layer("microk8s").items[0].since == "2026-11-23T18:05:00Z"
    assert status.layer("applications").items[0].since == "2026-11-23T18:10:00Z"
    data = json.loads(json.dumps(status.to_dict()))
    assert data["layers"][0]["name"] == "vm"
    assert data["advice"] == ""


@pytest.mark.parametrize("state", ["shutoff", "not_created"])
def test_machine_that_does_not_run_is_not_asked(settings: Settings, state: str) -> None:
    status = collect(None, state, settings)
    assert status.exit_code == 20
    assert state.replace("_", " ") in status.trouble
    assert [layer.ready for layer in status.layers] == [False, None, None, None, None]
    for terminal in (False, True):
        assert "What to do: python -m lab up - makes the VM" in render(status, terminal=terminal, width=100)


def test_machine_that_does_not_answer(settings: Settings) -> None:
    class Silent:
        def run(self, command: str, **_: object) -> Any:
            raise VMError("no answer", code="LAB-VM-1")

    silent: Any = Silent()
    assert "ssh" in collect(None, "running", settings).trouble
    assert "no answer" in collect(silent, "running", settings).trouble


def test_what_a_machine_said_before_its_time_was_up_is_not_told(settings: Settings) -> None:
    class Slow:
        def run(self, command: str, **_: object) -> Any:
            raise CommandTimeout("it last said:\n  password: planted", code="LAB-VM-202")

    status = collect(cast(Transport, Slow()), "running", settings)
    assert status.layers[0].own.reason.endswith("it did not tell its state within 75 s")
    assert "planted" not in render(status, terminal=False)


def test_nothing_is_installed(look: Callable[..., Any]) -> None:
    gone = (127, "", "x is not installed")
    status = look(
        snap=gone,
        snaps=(0, "microk8s absent\njuju absent\n", ""),
        microk8s=gone,
        objects=gone,
        controllers=(1, "", ""),
        models=(1, "", ""),
        juju=gone,
    )
    assert status.exit_code == 20
    assert status.trouble == "snapd: snapd is not installed"
    assert status.layer("microk8s").own.reason == "MicroK8s is not installed"
    assert status.layer("juju").ready is False


def test_snapd_does_not_answer(look: Callable[..., Any]) -> None:
    silent = SNAPD.replace("snapd   2.57.6", "snapd   unavailable")
    assert look(snap=(0, silent, "")).trouble == "snapd: snapd does not answer"
    assert look(snap=(124, "", "")).trouble == "snapd: it did not answer in time"


def test_snaps_are_missing(look: Callable[..., Any]) -> None:
    absent = (0, "microk8s absent\njuju absent\n", "")
    status = look(snaps=absent, microk8s=(127, "", ""), objects=None, juju=None, controllers=None)
    assert status.exit_code == 40
    assert status.trouble == "microk8s: the snap microk8s is not installed"
    assert status.layer("juju").own.reason == "the snap juju is not installed"


@pytest.mark.parametrize("state", ["disabled", "broken"])
def test_a_snap_is_there_and_cannot_be_used(look: Callable[..., Any], state: str) -> None:
    status = look(snaps=(0, f"microk8s {state}\njuju ok\n", ""))
    assert status.trouble == f"microk8s: the snap microk8s is {state}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        # A stopped node answers with exit code 0 and no YAML, whatever the format.
        (
            (0, "microk8s is not running, try microk8s start\n", ""),
            "microk8s is not running, try microk8s start",
        ),
        ((1, "microk8s:\n  running: False\n", ""), "MicroK8s is not running"),
        (
            (
                1,
                "microk8s:\n  running: False\nhigh-availability:\n  enabled: True\n  message: inspect it\n",
                "",
            ),
            "inspect it",
        ),
        ((1, MICROK8S, ""), "MicroK8s is not running"),
        ((124, "", ""), "'microk8s status' did not answer in time"),
        (
            (1, "", "Insufficient permissions to access MicroK8s.\n"),
            "Insufficient permissions to access MicroK8s.",
        ),
        ((0, "microk8s: [", ""), "microk8s: ["),
        ((0, "", ""), "it ended with exit code 0"),
    ],
)
def test_microk8s_is_not_ready(look: Callable[..., Any], answer: tuple[int, str, str], reason: str) -> None:
    status = look(microk8s=answer)
    assert status.exit_code == 40
    assert status.trouble == f"microk8s: {reason}"
    assert {item.ready for item in status.layer("microk8s").items} == {None}


def test_node_says_why_it_is_not_ready(look: Callable[..., Any]) -> None:
    objects = OBJECTS.replace("\tTrue\t", "\tFalse\t").replace(
        "kubelet is posting ready", "cni plugin not ready"
    )
    status = look(microk8s=(1, "microk8s:\n  running: False\n", ""), objects=(0, objects, ""))
    assert "cni plugin not ready" in status.trouble


def test_addons(look: Callable[..., Any]) -> None:
    without = MICROK8S.replace(
        "name: metallb\n    repository: core\n    version: 1\n    status: enabled", "name: m"
    )
    assert look(microk8s=(0, without, "")).trouble == "microk8s: metallb: it is not enabled"
    assert (
        look(apiserver=(0, "--authorization-mode=AlwaysAllow\n", "")).trouble
        == "microk8s: rbac: it is not enabled"
    )
    none = "".join(line for line in OBJECTS.splitlines(keepends=True) if "metallb" not in line)
    assert look(objects=(0, none, "")).trouble == "microk8s: metallb: it is not enabled"
    waiting = OBJECTS.replace("coredns\t1\t1", "coredns\t1\t")
    pods = "kube-system\tcoredns-6f5\tPending\tImagePullBackOff\t\n"
    status = look(objects=(0, waiting, ""), pods=(0, pods, ""))
    assert status.trouble == "microk8s: dns: 0 of 1 pods of coredns are ready: ImagePullBackOff"
    missing = "".join(line for line in OBJECTS.splitlines(keepends=True) if "speaker" not in line)
    assert "metallb-system/speaker does not exist" in look(objects=(0, missing, "")).trouble
    status = look(objects=(1, "", "connection refused"), microk8s=(0, MICROK8S, ""))
    assert status.exit_code == 40
    assert "connection refused" in status.trouble


def test_juju(look: Callable[..., Any]) -> None:
    status = look(controllers=(1, "", "no such file"), juju=None)
    assert status.exit_code == 50
    assert status.trouble == "juju: controller: there is no controller named uk8sx"
    status = look(juju=(1, "", "ERROR connection is shut down\n"), models=None)
    assert status.trouble == "juju: controller: ERROR connection is shut down"
    no_model = look(
        juju=(1, "", "ERROR model uk8sx:admin/kubeflow not found"), models=(0, "controllers: {}", "")
    )
    assert no_model.exit_code == 50
    other = (0, "controllers:\n  uk8sx:\n    models:\n      admin/other: {}\n", "")
    status = look(juju=(1, "", "ERROR model uk8sx:admin/kubeflow not found"), models=other)
    assert status.trouble == "juju: model: there is no model named kubeflow"
    assert look(juju=(124, "", "")).trouble == "juju: controller: it did not answer in time"
    assert look(juju=(0, "not json", "")).exit_code == 50
    assert look(juju=(127, "", "")).trouble == "juju: controller: the juju client is not installed"


def test_model_that_is_being_destroyed(look: Callable[..., Any]) -> None:
    model = {"name": "kubeflow", "model-status": {"current": "destroying", "message": "waiting for units"}}
    status = look(juju=(0, json.dumps({"model": model, "applications": {}}), ""))
    assert status.trouble == "juju: model: destroying: waiting for units"


def test_empty_model(look: Callable[..., Any], settings: Settings) -> None:
    model = {"name": "kubeflow", "model-status": {"current": "available"}}
    status = look(juju=(0, json.dumps({"model": model}), 'Model "admin/kubeflow" is empty.'))
    assert status.exit_code == 60
    first, *others = sorted(settings.edition.expect.applications)
    assert status.layer("applications").reason.startswith(
        f"0/{len(others) + 1} active, waiting for {first}, "
    )
    assert {item.reason for item in status.layer("applications").items} == {"it is not deployed"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "unknown"),
        ({"status-error": "cannot get status"}, "cannot get status"),
        ({"application-status": {"current": "error", "message": "hook failed"}}, "error: hook failed"),
        ({"application-status": {"current": "active"}, "life": "dying"}, "it is being removed (dying)"),
        (
            {
                "application-status": {"current": "active"},
                "units": {"minio/0": {"workload-status": {"current": "waiting", "message": "for a pod"}}},
            },
            "unit minio/0: waiting: for a pod",
        ),
        (
            {
                "application-status": {"current": "active"},
                "units": {"minio/0": {"juju-status": {"current": "lost"}}},
            },
            "agent of minio/0: lost",
        ),
    ],
)
def test_application_that_is_not_ready(
    look: Callable[..., Any], settings: Settings, data: dict[str, Any], reason: str
) -> None:
    status = look(juju=(0, juju_status(settings, minio=data), ""))
    assert status.exit_code == 60
    layer = status.layer("applications")
    expected = len(settings.edition.expect.applications)
    assert layer.reason == f"{expected - 1}/{expected} active, waiting for minio"
    assert next(item.reason for item in layer.items if item.name == "minio") == reason


def test_application_beyond_the_expected_ones_does_not_count(
    look: Callable[..., Any], settings: Settings
) -> None:
    blocked = {"application-status": {"current": "blocked", "message": "mine"}}
    status = look(juju=(0, juju_status(settings, my_app=blocked), ""))
    assert status.exit_code == 0
    assert status.layer("applications").items[-1].name == "my-app"
    assert "my-app (extra)" in render(status, terminal=False)


def test_microk8s_is_asked_for_addons_whose_objects_nobody_knows(
    settings: Settings, make_guest: Callable[[Answers], Any], answers: Answers
) -> None:
    guest = make_guest(answers)
    assert collect(guest, "running", settings).ready
    assert guest.depth == "quick"
    more = settings.model_copy(
        update={"provision_env": {**settings.provision_env, "LAB_ADDONS": "dns registry rbac"}}
    )
    guest = make_guest({**answers, "microk8s": (0, MICROK8S.replace("name: metallb", "name: registry"), "")})
    assert collect(guest, "running", more).ready
    assert guest.depth == "full"


def test_plain_text(look: Callable[..., Any]) -> None:
    text = render(look(juju=(124, "", "")), terminal=False)
    assert text.startswith("REHEARSAL: lab kubeflow, edition rehearsal\nvm ")
    assert "\x1b" not in text
    assert "  controller " in text
    assert "The lab is not ready. juju: controller: it did not answer in time" in text
    assert "1 h 0 min" in text
    assert "What to do: python -m lab heal - " in text
    assert render(look(), terminal=False).endswith("The lab is ready.\n")


def test_table(look: Callable[..., Any]) -> None:
    text = render(look(), terminal=True, width=100)
    assert "\x1b[" in text
    assert "REHEARSAL" in text


def test_known_issues_come_with_their_fix(look: Callable[..., Any], settings: Settings) -> None:
    waits = {"application-status": {"current": "waiting", "message": "Waiting for gateway info relation"}}
    waiting = OBJECTS.replace("coredns\t1\t1", "coredns\t1\t").replace(
        "speaker\t\t\t1\t1", "speaker\t\t\t1\t0"
    )
    pods = (
        "kube-system\tcoredns-6f5\tPending\tImagePullBackOff\t\n"
        "metallb-system\tspeaker-x\tPending\tImagePullBackOff\t\n"
    )
    juju = (0, juju_status(settings, minio=waits), "")
    status = look(objects=(0, waiting, ""), pods=(0, pods, ""), juju=juju)
    text = render(status, terminal=False)
    pull, again, gateway = [line.strip() for line in text.splitlines() if line.strip().startswith("->")]
    assert pull.startswith("-> KI-IMAGE-PULL: Which, and why: python -m lab exec -- ")
    assert again == "-> KI-IMAGE-PULL, see above"
    assert gateway.startswith("-> KI-GATEWAY-INFO: Run its hook again: python -m lab exec ")
    layer = status.to_dict()["layers"][-1]
    issues = {item["name"]: item["known_issue"] for item in layer["items"] if item["known_issue"]}
    assert issues["minio"]["id"] == "KI-GATEWAY-INFO"
    assert issues["minio"]["fix"] in gateway
    assert "KI-GATEWAY-INFO" in render(status, terminal=True, width=100)


def test_an_issue_that_one_application_has(look: Callable[..., Any], settings: Settings) -> None:
    failed = {"application-status": {"current": "error", "message": 'hook failed: "install"'}}
    items = look(juju=(0, juju_status(settings, istio_pilot=failed, minio=failed), "")).layers[-1].items
    issues = {item.name: item.known_issue.id for item in items if item.known_issue}
    assert issues == {"istio-pilot": "KI-ISTIO-LEFTOVERS"}


def test_what_is_well_has_no_issue(look: Callable[..., Any]) -> None:
    assert all(item["known_issue"] is None for layer in look().to_dict()["layers"] for item in layer["items"])
