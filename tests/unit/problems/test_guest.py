"""What the VM says is wrong now; what is over does not count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from lab.config import Settings, load_settings
from lab.diagnose.known_issues import first
from lab.probes.model import Item, Layer, Status
from lab.problems import gather as gathering
from lab.problems.gather import gather
from lab.problems.guest import juju_group, pods_group, status_group
from lab.problems.model import Group
from lab.problems.render import WIDTH, render
from lab.transport.base import CommandResult, Transport, TransportError

PODS = "kubeflow/ok-0\tRunning\tTrue\t\nkubeflow/job\tSucceeded\tFalse\t\n"
WAITING = "kubeflow/kfp-0\tPending\tFalse\tImagePullBackOff\n"
QUIET = "kubeflow/new-0\tPending\t\t\n"
EVENTS = (
    '2026-11-24T12:05:00Z\t<nil>\tkubeflow/kfp-0\tPod\tFailed\t7\tFailed to pull image "kfp:1"\n'
    "2026-11-24T12:00:00Z\tnull\tkubeflow/ok-0\tPod\tUnhealthy\t1\tReadiness probe failed\n"
    "<nil>\t2026-11-24T12:01:00.000000Z\t/lab\tNode\tEvictionThresholdMet\t\tAttempting to reclaim storage\n"
    "a line of its own\n"
)
LOG = (
    "unit-ok-0: 12:00:00 ERROR juju-log old trouble\n"
    "unit-katib-db-0: 12:00:00 WARNING juju-log slow\n"
    "unit-katib-db-manager-0: 12:00:01 ERROR juju-log hook failed\n"
    "controller-0: 12:00:02 ERROR juju.worker all is lost\n"
)


class Guest:
    """A `Transport` to a guest that answers only what is foreseen."""

    def __init__(self, **answers: str | None) -> None:
        self.answers = answers

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - the protocol's name
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        assert timeout <= 60
        asked = next(
            name
            for name, words in {
                "pods": "get pods -A",
                "events": "get events -A",
                "juju": "juju debug-log",
            }.items()
            if words in command
        )
        answer = self.answers[asked]
        if answer is None:
            return CommandResult(command, 1, "", "it does not run", 0.1)
        return CommandResult(command, 0, answer, "", 0.1)

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"unforeseen: transport.{name}")


def status(*items: Item, microk8s: Item | None = None) -> Status:
    layers = (
        Layer(Item("vm", True), 20),
        Layer(microk8s or Item("microk8s", True), 40),
        Layer(Item("applications", all(item.ready for item in items), None, "1/2 active"), 60, items),
    )
    return Status("kubeflow", "rehearsal", "REHEARSAL", layers, datetime.now(UTC))


def texts(group: Group | None) -> list[str]:
    assert group is not None
    return [line.text for line in group.lines]


def ask(function: Callable[..., Group | None], guest: Guest, *more: object) -> Group | None:
    return function(guest, *more)


def test_what_is_not_ready_now() -> None:
    reason = "waiting: Waiting for gateway info relation"
    late = Item("x", False, None, reason, known_issue=first(reason, kind="juju"))
    extra = Item("extra", False, None, "blocked", required=False)
    group = status_group(status(Item("ok", True), late, extra, microk8s=Item("microk8s", False, None, "off")))
    assert texts(group) == ["microk8s: off", f"applications: x: {reason}"]
    assert group is not None
    assert [issue.id for issue in group.lines[1].issues] == ["KI-GATEWAY-INFO"]
    assert status_group(status(Item("ok", True))) is None


def test_pods_that_are_ready_do_not_count() -> None:
    assert ask(pods_group, Guest(pods=PODS, events="")) is None
    node = "node lab EvictionThresholdMet: Attempting to reclaim storage"
    assert texts(ask(pods_group, Guest(pods=PODS, events=EVENTS))) == [node]
    group = ask(pods_group, Guest(pods=PODS + WAITING + QUIET, events=EVENTS))
    assert texts(group) == [
        "kubeflow/new-0: Pending",
        node,
        'pod kubeflow/kfp-0 Failed: Failed to pull image "kfp:1" (7 times)',
    ]


def test_a_pod_without_events_tells_why_it_waits() -> None:
    group = ask(pods_group, Guest(pods=WAITING, events=""))
    assert texts(group) == ["kubeflow/kfp-0: Pending, ImagePullBackOff"]
    assert group is not None
    assert [issue.id for issue in group.lines[0].issues] == ["KI-IMAGE-PULL"]


def test_juju_s_log_is_about_what_is_not_ready() -> None:
    late = status(Item("ok", True), Item("katib-db-manager", False, None, "error"))
    found = ask(juju_group, Guest(juju=LOG), late, "uk8sx:kubeflow")
    assert texts(found) == ["unit-katib-db-manager-0: 12:00:01 ERROR juju-log hook failed"]
    assert ask(juju_group, Guest(), status(Item("ok", True)), "uk8sx:kubeflow") is None


def test_programs_that_do_not_answer() -> None:
    late = status(Item("x", False, None, "error"))
    assert texts(ask(juju_group, Guest(juju=None), late, "m")) == ["No answer: it does not run"]
    assert texts(ask(pods_group, Guest(pods=None))) == ["No answer: it does not run"]


def transport(guest: Guest) -> Transport:
    # It has no more of a transport than what is needed here.
    return cast(Transport, guest)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})


def test_all_together(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gathering, "collect", lambda *_: status(Item("kfp", False, None, "error: " + "x" * 300))
    )
    problems = gather(settings, transport(Guest(pods=WAITING, events=EVENTS, juju="")))
    assert [group.source for group in problems.groups] == ["pods", "status"]
    assert [issue.id for issue in problems.issues] == ["KI-IMAGE-PULL"]
    text = render(problems)
    assert text.startswith("REHEARSAL: lab kubeflow, what matters of 0 logs and of the VM\n")
    assert "Not ready now\n  error    applications: kfp: error: xxx" in text
    assert max(len(line) for line in text.splitlines() if "xxx" in line) < WIDTH + 20
    assert "  KI-IMAGE-PULL: An image cannot be pulled\n    Cause: " in text


def test_a_vm_that_is_lost_meanwhile(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: object) -> Status:
        raise TransportError("the connection was lost", code="LAB-VM-203")

    monkeypatch.setattr(gathering, "collect", lose)
    problems = gather(settings, transport(Guest()))
    assert problems.unseen == "the connection was lost"
    assert render(problems).splitlines()[-2:] == [
        "The VM was not looked into: the connection was lost.",
        "No problems were found.",
    ]
