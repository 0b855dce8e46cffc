"""What is stuck after sleep, a reboot or a restore is mended; what is not is left alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import PROVISION, Guest

BOOT = "boot-2"
ERROR = {
    "model": {"model-status": {"current": "available"}},
    "applications": {
        "kfp-db": {
            "application-status": {"current": "error", "message": 'hook failed: "start"'},
            "units": {
                "kfp-db/0": {"workload-status": {"current": "error", "message": 'hook failed:\n"start"'}}
            },
        }
    },
}


def node(*, ready: str = "True", boot: str = BOOT) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "message": "kubelet says so"}
    status = {"conditions": [condition], "nodeInfo": {"bootID": boot}}
    return {"kind": "Node", "metadata": {"name": "kubeflow"}, "status": status}


def lease(*, age: float = 5.0) -> dict[str, Any]:
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "kind": "Lease",
        "metadata": {"name": "kubeflow", "namespace": "kube-node-lease"},
        "spec": {"renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    }


def pod(
    name: str,
    *,
    namespace: str = "kubeflow",
    owner: str = "StatefulSet",
    phase: str = "Running",
    ready: str = "True",
    waiting: str = "",
    terminated: str = "",
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {}
    state |= {"terminated": {"reason": terminated}} if terminated else {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "ownerReferences": [{"controller": True, "kind": owner, "name": "owner"}],
            **(metadata or {}),
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"state": state}],
            **status,
        },
    }


def find(*objects: dict[str, Any]) -> list[tuple[str, ...]]:
    """Ask the program that judges what the cluster shows."""
    code = compile((PROVISION / "stuck_pods.py").read_text(), "stuck_pods.py", "exec")
    program: dict[str, Any] = {"__name__": "stuck_pods"}
    exec(code, program)  # noqa: S102 - it is no module of a package
    lines: list[tuple[str, ...]] = program["find"](objects, ["kubeflow"], BOOT, datetime.now(UTC).timestamp())
    return lines


def show(guest: Guest, *objects: dict[str, Any]) -> None:
    guest.set({"objects.json": json.dumps({"kind": "List", "items": objects})})


def after(guest: Guest, name: str, *objects: dict[str, Any]) -> None:
    """What the cluster shows once something has been called."""
    later = guest.fake / "later.json"
    later.write_text(json.dumps({"items": objects}))
    guest.set({name: f'mv "{later}" "$FAKE/objects.json"; rm "$FAKE/{name}"'})


@pytest.fixture
def lab(guest: Guest) -> Guest:
    """A lab in which everything is as it should be, up for an hour; nothing need be seen for long."""
    guest.with_kubeflow()
    guest.file("proc/uptime", "3600.00 7000.00")
    guest.file("proc/sys/kernel/random/boot_id", BOOT)
    guest.settings = {"LAB_HEAL_SOON": "0", "LAB_HEAL_LATE": "0"}
    show(guest, node(), lease(), pod("kfp-db-0"))
    return guest


def test_a_healthy_lab_is_left_alone(lab: Guest) -> None:
    assert lab.run("heal", "check").returncode == 0
    result = lab.run("heal", "apply")
    assert result.returncode == 0
    assert result.stdout == "::progress 1/1 nothing is stuck\n"
    assert lab.calls("sleep") == []


def test_nothing_is_missed_that_the_lab_does_not_have_yet(guest: Guest) -> None:
    guest.file("proc/uptime", "3600.00 7000.00")
    assert guest.run("heal", "apply").returncode == 0, "not even MicroK8s"
    guest.with_juju()
    show(guest, node(boot=""), lease())
    assert guest.run("heal", "check").returncode == 0, "no controller"
    guest.remember("bootstrapping", "yes")
    guest.set({"controllers/uk8sx": "half"})
    assert guest.run("heal", "check").returncode == 0, "a bootstrap that was cut short is for its step"


@pytest.mark.parametrize(
    ("sick", "how", "said"),
    [
        (pod("a", ready="False", waiting="CrashLoopBackOff"), "soon", "CrashLoopBackOff"),
        (pod("a", ready="False", waiting="ImagePullBackOff"), "soon", "ImagePullBackOff"),
        (pod("a", ready="False", terminated="Unknown"), "late", "Unknown"),
        (pod("a", phase="Unknown"), "soon", "Unknown"),
        (pod("a", phase="Failed", reason="NodeShutdown"), "soon", "NodeShutdown"),
        (
            pod(
                "a",
                ready="False",
                initContainerStatuses=[{"state": {"waiting": {"reason": "RunContainerError"}}}],
            ),
            "late",
            "RunContainerError",
        ),
        (pod("a", ready="False", waiting="ContainerCreating"), "late", "ContainerCreating"),
        (pod("a", ready="False"), "late", "not ready"),
        (pod("a", metadata={"deletionTimestamp": "2026-11-24T12:00:00Z"}), "gone", "Terminating"),
        (
            pod(
                "a",
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "message": "too many pods"}],
            ),
            "wait",
            "too many pods",
        ),
    ],
)
def test_what_is_stuck(sick: dict[str, Any], how: str, said: str) -> None:
    assert find(sick) == [(how, "kubeflow", "a", "uid-a", "StatefulSet/owner", said)]


@pytest.mark.parametrize(
    "other",
    [
        pod("a"),
        pod("a", namespace="students", waiting="CrashLoopBackOff"),
        pod("a", owner="Job", phase="Failed"),
        pod("a", phase="Succeeded", ready="False"),
        pod("a", waiting="CrashLoopBackOff", metadata={"ownerReferences": []}),
    ],
)
def test_what_is_well_or_somebody_elses_is_left_alone(other: dict[str, Any]) -> None:
    assert find(other) == []


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ((node(ready="False"), lease()), "kubelet says so"),
        ((node(boot="boot-1"), lease()), "its kubelet has not spoken since the VM was started"),
        ((node(), lease(age=7200)), "its kubelet is silent"),
        ((node(), lease(age=-7200)), "its kubelet is silent"),
        ((node(),), "its kubelet is silent"),
    ],
)
def test_a_node_that_is_not_ready(objects: tuple[dict[str, Any], ...], said: str) -> None:
    assert find(*objects) == [("wait", "-", "kubeflow", "-", "-", f"the node kubeflow: {said}")]


def test_a_stuck_pod_is_made_anew(lab: Guest) -> None:
    show(lab, node(), lease(), pod("a", ready="False", waiting="CrashLoopBackOff"))
    check = lab.run("heal", "check")
    assert (check.returncode, check.stdout) == (1, "not as it should be: kubeflow/a (CrashLoopBackOff)\n")
    after(lab, "pods/a", node(), lease(), pod("b"))
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::did pod kubeflow/a was stuck (CrashLoopBackOff): made anew\n" in result.stdout
    assert result.stdout.endswith("::progress 3/3 everything is ready\n")


def test_a_pod_gets_time_to_mend_itself(lab: Guest) -> None:
    lab.settings["LAB_HEAL_SOON"] = "600"
    show(lab, node(), lease(), pod("a", ready="False", waiting="CrashLoopBackOff"))
    after(lab, "meanwhile", node(), lease(), pod("a"))
    result = lab.run("heal", "apply")
    assert result.returncode == 0
    assert "::waiting kubeflow/a (CrashLoopBackOff)\n" in result.stdout
    assert "::did" not in result.stdout


ONE_GETS_READY = """\
/usr/bin/sleep 0.4
python3 - "$FAKE/objects.json" <<'PYTHON'
import json, sys
with open(sys.argv[1]) as file:
    data = json.load(file)
for item in data["items"]:
    if item["kind"] == "Pod" and item["status"]["conditions"][0]["status"] == "False":
        item["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        break
with open(sys.argv[1], "w") as file:
    json.dump(data, file)
PYTHON
"""


def test_pods_that_wait_for_others_after_a_start_are_left_alone(lab: Guest) -> None:
    lab.settings["LAB_HEAL_LATE"] = "2"
    show(lab, node(), lease(), *(pod(f"a-{n}", ready="False", terminated="Unknown") for n in range(8)))
    lab.set({"meanwhile": ONE_GETS_READY})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::waiting kubeflow/a-7 (Unknown)\n" in result.stdout, "it has waited for longer than 2 s"
    assert "::did" not in result.stdout


def test_a_pod_is_late_when_no_other_gets_on(lab: Guest) -> None:
    lab.settings["LAB_HEAL_LATE"] = "1"
    late = pod("a", ready="False", terminated="Unknown")
    show(lab, node(), lease(), late, pod("b", owner="DaemonSet", ready="False", waiting="CrashLoopBackOff"))
    after(lab, "pods/a", node(), lease())
    # What fails again and again is no progress.
    lab.set({"meanwhile": "/usr/bin/sleep 0.3"})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::did pod kubeflow/a was stuck (Unknown): made anew\n" in result.stdout


def test_a_pod_that_does_not_go_away_is_forced_to(lab: Guest) -> None:
    show(lab, node(), lease(), pod("a", metadata={"deletionTimestamp": "2026-11-24T12:00:00Z"}))
    after(lab, "pods/a", node(), lease())
    result = lab.run("heal", "apply")
    assert result.returncode == 0
    assert "::did pod kubeflow/a did not go away: removed by force\n" in result.stdout
    assert any("--grace-period=0 --force" in call for call in lab.calls("microk8s"))


def test_a_node_is_waited_for(lab: Guest) -> None:
    show(lab, node(ready="False"), lease())
    after(lab, "meanwhile", node(), lease())
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::waiting the node kubeflow: kubelet says so\n" in result.stdout
    assert "::did" not in result.stdout


def test_a_machine_that_has_just_started_is_looked_at_twice(lab: Guest) -> None:
    lab.file("proc/uptime", "40.00 30.00")
    result = lab.run("heal", "apply")
    assert result.returncode == 0
    assert "the VM was started just now" in result.stdout
    assert len(lab.calls("microk8s kubectl get nodes,pods")) == 3


def test_a_stopped_microk8s_is_started(lab: Guest) -> None:
    lab.set({"microk8s": "stopped"})
    check = lab.run("heal", "check")
    assert (check.returncode, check.stdout) == (1, "not as it should be: the cluster does not answer\n")
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::did MicroK8s was stopped: started\n" in result.stdout
    assert lab.get("microk8s") == "running"


def test_a_microk8s_that_does_not_get_ready_is_started_anew(lab: Guest) -> None:
    lab.set({"microk8s": "starting"})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::did MicroK8s did not get ready: its services started anew\n" in result.stdout


def test_a_unit_in_error_is_resolved(lab: Guest) -> None:
    lab.set({"status.json": json.dumps(ERROR), "resolved": 'rm "$FAKE/status.json"'})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert '::did unit kfp-db/0 was in error (hook failed: "start"): its hook is run again\n' in result.stdout
    assert lab.calls("juju resolve") == ["juju resolve --model uk8sx:kubeflow kfp-db/0"]


def test_what_cannot_be_mended_is_told(lab: Guest) -> None:
    lab.settings["LAB_HEAL_TIMEOUT"] = "0"
    lab.set({"status.json": json.dumps(ERROR)})
    result = lab.run("heal", "apply")
    assert result.returncode == 1
    assert (
        "::error After 0 min something is still not ready: applications: 0/1 waiting for kfp-db"
        in result.stdout
    )


def test_no_pod_is_made_anew_for_ever(lab: Guest) -> None:
    show(lab, node(), lease(), pod("a", waiting="CrashLoopBackOff"))
    lab.set({"meanwhile": '[ "$(cat "$FAKE/sleeps")" -lt 6 ] || echo \'{"items":[]}\' >"$FAKE/objects.json"'})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("::did") == 2


def test_a_controller_that_does_not_answer_is_waited_for(lab: Guest) -> None:
    lab.set({"controller-away": "2"})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::waiting Juju does not answer\n" in result.stdout
    (lab.lab / "state" / "deployed").unlink()
    lab.set({"controller-away": "2"})
    result = lab.run("heal", "apply")
    assert result.returncode == 0, result.stdout
    assert "::waiting Juju's controller does not answer\n" in result.stdout


def test_it_wants_a_known_word(guest: Guest) -> None:
    assert guest.run("heal", "everything").returncode == 64
