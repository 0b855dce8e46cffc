"""What is gathered when a test fails, while what it made still exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from lab.collect import guest, secret_values
from lab.config import Settings
from lab.diagnose.known_issues import match
from lab.masking import Mask
from lab.outcome import last_lines
from lab.probes.status import RUNNING, collect, render
from lab.testing.kube import Kube, Object
from lab.testing.pods import describe
from lab.transport.base import Transport

COMMAND_TIMEOUT = 30.0
LINES = 60
"""The last lines of what a command in the guest says; `lab collect` has all of it."""

_GUEST = ("guest/failed-units.txt", "guest/journal-warnings.txt", "guest/snap-changes.txt")
_JUJU = ("juju/status.txt", "juju/debug-log.txt")


@dataclass(frozen=True)
class Piece:
    """One piece of evidence."""

    title: str
    text: str


def gather(
    lab: Settings,
    transport: Transport,
    *,
    kube: Kube | None = None,
    namespaces: Sequence[str] = (),
    juju: bool = False,
    applications: Sequence[str] = (),
) -> list[Piece]:
    """Gather evidence. What cannot be had is said in its place; nothing is raised.

    Args:
        lab: The lab.
        transport: The way into its guest.
        kube: Its Kubernetes, if the test used that.
        namespaces: The test's namespaces.
        juju: Whether Juju's view matters too.
        applications: Those of the lab's model whose logs matter.
    """
    sources: dict[str, Callable[[], str]] = {"status": partial(_status, lab, transport)}
    if kube is not None:
        for namespace in namespaces:
            sources[f"events in {namespace}"] = partial(_events, kube, namespace)
            sources[f"objects in {namespace}"] = partial(_objects, kube, namespace)
            sources[f"logs in {namespace}"] = partial(_logs, kube, namespace)
        for name in applications:
            sources[f"logs of {name}"] = partial(_application_logs, kube, lab, name)
    for name in _GUEST:
        sources[slug(name)] = partial(_run, transport, guest.SYSTEM[name])
    for name in _JUJU if juju else ():
        sources[slug(name)] = partial(_run_juju, transport, lab, name)
    pieces = []
    for title, source in sources.items():
        try:
            text = source()
        except Exception as error:  # the failure that is being reported must stay the one that is seen
            text = f"(not to be had: {type(error).__name__}: {error})"
        pieces.append(Piece(title, text.rstrip() or "(nothing)"))
    return pieces


def without_secrets(pieces: Sequence[Piece], lab: Settings, environ: Mapping[str, str]) -> list[Piece]:
    """Return the pieces without the secrets that the host knows, and without what looks like one."""
    mask = Mask(secret_values.of_host(lab, environ))
    return [Piece(piece.title, mask.text(piece.text)) for piece in pieces]


def write(pieces: Sequence[Piece], directory: Path) -> None:
    """Write each piece to a file of its own."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, piece in enumerate(pieces, 1):
        name = f"{number:02}-{slug(piece.title)}.txt"
        (directory / name).write_text(piece.text + "\n", encoding="utf-8")


def slug(text: str) -> str:
    """Return a text as a name for a file or an object."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def _status(lab: Settings, transport: Transport) -> str:
    return render(collect(transport, RUNNING, lab), terminal=False)


def _run(transport: Transport, command: str) -> str:
    said = guest.run(transport, command, COMMAND_TIMEOUT)
    return last_lines(said.data.decode(errors="replace"), LINES)


def _run_juju(transport: Transport, lab: Settings, name: str) -> str:
    return _run(transport, guest.juju(lab)[name])


def _events(kube: Kube, namespace: str) -> str:
    events = sorted(kube.list("v1", "Event", namespace), key=_time)
    lines = []
    for event in events:
        about = event.get("involvedObject") or {}
        lines.append(
            f"{_time(event)}  {event.get('type', ''):<7}  {event.get('reason', '')}  "
            f"{about.get('kind', '')}/{about.get('name', '')}: {event.get('message', '')}"
        )
    advice = [issue.advice for issue in match("\n".join(lines), "event")]
    return "\n".join([*advice, *lines])


def _time(event: Object) -> str:
    metadata = event.get("metadata") or {}
    return str(
        event.get("lastTimestamp") or event.get("eventTime") or metadata.get("creationTimestamp") or ""
    )


def _objects(kube: Kube, namespace: str) -> str:
    parts = []
    for kind in ("Pod", "Service", "Endpoints", "PersistentVolumeClaim"):
        for item in kube.list("v1", kind, namespace):
            head = f"# {kind} {item['metadata']['name']}"
            head += f": {describe(item)}\n" if kind == "Pod" else "\n"
            shown = {key: item[key] for key in ("spec", "status", "subsets") if item.get(key)}
            parts.append(head + yaml.safe_dump(shown, sort_keys=False, width=120))
    return "\n".join(parts)


def _logs(kube: Kube, namespace: str) -> str:
    return "\n".join(_each_log(kube, namespace, kube.list("v1", "Pod", namespace)))


def _application_logs(kube: Kube, lab: Settings, name: str) -> str:
    # Juju labels what it makes for an application so, the charm's own pod and its workload's.
    model = lab.provision_env["LAB_MODEL"]
    pods = kube.list("v1", "Pod", model, labels=f"app.kubernetes.io/name={name}")
    states = [f"# {pod['metadata']['name']}: {describe(pod)}" for pod in pods]
    return "\n".join([*states, *_each_log(kube, model, pods)])


def _each_log(kube: Kube, namespace: str, pods: Sequence[Object]) -> Iterator[str]:
    for pod in pods:
        name = pod["metadata"]["name"]
        status = pod.get("status") or {}
        for container in status.get("containerStatuses") or ():
            for previous in (True, False) if container.get("restartCount") else (False,):
                which = "the container before" if previous else "the container"
                try:
                    text = kube.logs(namespace, name, container=container["name"], previous=previous)
                except Exception as error:  # one log that cannot be had must not hide the others
                    text = f"({error})"
                yield f"# {name}, {which} {container['name']}\n{text}"
