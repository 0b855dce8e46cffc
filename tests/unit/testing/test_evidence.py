"""Evidence names the known issues that events of pods speak of, and has the logs of applications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.config import load_settings
from lab.testing.evidence import gather


class Api:
    """A `Kube` with events, and nothing else."""

    def __init__(self, *messages: str) -> None:
        self.messages = messages

    def list(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        assert (api_version, namespace) == ("v1", "x")
        if kind != "Event":
            return []
        return [
            {
                "lastTimestamp": f"2026-11-24T12:00:{number:02}Z",
                "type": "Warning",
                "reason": "Failed",
                "involvedObject": {"kind": "Pod", "name": "web"},
                "message": message,
            }
            for number, message in enumerate(self.messages)
        ]


class Silent:
    """A `Transport` to a guest that does not answer."""

    def run(self, command: str, *, timeout: float, **_: object) -> Any:
        raise TimeoutError(command)


def events(*messages: str) -> str:
    kube: Any = Api(*messages)
    lab: Any = None
    transport: Any = Silent()
    pieces = gather(lab, transport, kube=kube, namespaces=["x"])
    return next(piece.text for piece in pieces if piece.title == "events in x")


def test_a_known_issue_stands_above_the_events() -> None:
    name, cause, fix, *lines = events("Pulling image", 'Back-off pulling image "web:1"').splitlines()
    assert name == "Known issue KI-IMAGE-PULL: An image cannot be pulled."
    assert (cause.partition(":")[0], fix.partition(":")[0]) == ("Cause", "Fix")
    assert lines[-1].endswith('Pod/web: Back-off pulling image "web:1"')


def test_other_events_stand_alone() -> None:
    assert "Known issue" not in events("Started container web")


class Model:
    """A `Kube` with one pod of an application."""

    def list(self, api_version: str, kind: str, namespace: str, *, labels: str) -> list[dict[str, Any]]:
        assert (kind, namespace) == ("Pod", "kubeflow")
        if labels != "app.kubernetes.io/name=dex-auth":
            return []
        container = {"name": "dex", "ready": True, "restartCount": 1}
        status = {"phase": "Running", "containerStatuses": [container]}
        return [{"metadata": {"name": "dex-auth-0"}, "spec": {"containers": [{}]}, "status": status}]

    def logs(self, namespace: str, pod: str, *, container: str, previous: bool) -> str:
        return f"{namespace}/{pod}/{container} says: {'I go' if previous else 'I am here'}"


def test_the_logs_of_applications(tmp_path: Path) -> None:
    kube: Any = Model()
    lab: Any = load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})
    transport: Any = Silent()
    applications = ["dex-auth", "oidc-gatekeeper"]
    pieces = {
        piece.title: piece.text for piece in gather(lab, transport, kube=kube, applications=applications)
    }
    assert pieces["logs of oidc-gatekeeper"] == "(nothing)"
    assert pieces["logs of dex-auth"].splitlines() == [
        "# dex-auth-0: Running, 1/1 ready",
        "# dex-auth-0, the container before dex",
        "kubeflow/dex-auth-0/dex says: I go",
        "# dex-auth-0, the container dex",
        "kubeflow/dex-auth-0/dex says: I am here",
    ]
