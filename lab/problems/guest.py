"""Asks the VM what is wrong now: its status, the events of pods in trouble, and Juju's log."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lab.probes.model import Status
from lab.problems.lines import sift
from lab.problems.model import Group, Line
from lab.transport.base import Transport

TIMEOUT = 60.0
JUJU_LINES = 1000

_KUBECTL = "sudo -n timeout --kill-after=2 30 /snap/bin/microk8s kubectl"
_PODS = (
    '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\t"}{.status.phase}{"\\t"}'
    '{.status.conditions[?(@.type=="Ready")].status}{"\\t"}'
    '{.status.containerStatuses[*].state.waiting.reason}{"\\n"}{end}'
)
_EVENTS = (
    '{range .items[*]}{.lastTimestamp}{"\\t"}{.eventTime}{"\\t"}'
    '{.metadata.namespace}/{.involvedObject.name}{"\\t"}{.involvedObject.kind}{"\\t"}'
    '{.reason}{"\\t"}{.count}{"\\t"}{.message}{"\\n"}{end}'
)
# "unit-katib-db-0: 07:27:06 WARNING ..." is what the entity unit-katib-db-0 logged.
_ENTITY = re.compile(r"(?:unit|application)-(?P<name>[a-z0-9-]+?)(?:-\d+)?: ")


@dataclass(frozen=True)
class Pod:
    """A pod that is not ready, and why."""

    name: str
    phase: str
    waiting: str

    @property
    def text(self) -> str:
        """One line about it."""
        return f"{self.name}: {self.phase}" + (f", {self.waiting}" if self.waiting else "")


def status_group(status: Status) -> Group | None:
    """Return what is not ready now; ``None`` if all is."""
    lines = []
    for layer in status.layers:
        # A layer's own reason may only count the items that are not ready.
        parts = [item for item in layer.items if item.required and item.ready is False]
        for item in parts or ([layer.own] if layer.own.ready is False else []):
            name = layer.name if item is layer.own else f"{layer.name}: {item.name}"
            issues = (item.known_issue,) if item.known_issue else ()
            lines.append(Line("error", f"{name}: {item.reason}", 1, issues))
    return Group("status", "Not ready now", tuple(lines)) if lines else None


def pods_group(transport: Transport) -> Group | None:
    """Return the pods that are not ready, and the events about them and what they need.

    Raises:
        LabError: The VM does not answer.
    """
    listed = transport.run(f"{_KUBECTL} get pods -A -o {shlex.quote('jsonpath=' + _PODS)}", timeout=TIMEOUT)
    if not listed.ok:
        return _silent("pods", "Pods", listed.last_words)
    pods = {pod.name: pod for pod in _pods(listed.stdout)}
    wanted = f"{_KUBECTL} get events -A --field-selector type=Warning -o "
    events = transport.run(wanted + shlex.quote("jsonpath=" + _EVENTS), timeout=TIMEOUT)
    # A pod that is ready by now, or gone, is no problem any more.
    texts = [text for about, text in _events(events.stdout) if about is None or about in pods]
    told, more = sift([f"Warning {text}" for text in texts], "event")
    quiet = [pod.text for name, pod in pods.items() if not any(f" {name} " in line.text for line in told)]
    own, others = sift([f"Warning {text}" for text in quiet], "event")
    lines = tuple(
        Line(line.level, line.text.removeprefix("Warning "), line.count, line.issues) for line in own + told
    )
    return Group("pods", "Pods that are not ready, and warnings", lines, more + others) if lines else None


def juju_group(transport: Transport, status: Status, model: str) -> Group | None:
    """Return what Juju's log says of the applications that are not ready now.

    Raises:
        LabError: The VM does not answer.
    """
    late = {item.name for item in status.layer("applications").items if item.ready is False}
    if not late:
        return None
    command = (
        f"timeout --kill-after=2 40 /snap/bin/juju debug-log --model {shlex.quote(model)} --replay --no-tail "
        f"--level WARNING | tail -n {JUJU_LINES}"
    )
    answer = transport.run(f"bash -o pipefail -c {shlex.quote(command)}", timeout=TIMEOUT)
    if not answer.ok:
        return _silent("juju", "Juju's log", answer.last_words)
    # It holds the trouble of the past, too, which only matters for what is still not well.
    texts = [line for line in answer.stdout.splitlines() if _entity(line) in late]
    lines, more = sift(texts, "juju")
    return Group("juju", "Juju's log, of applications that are not ready", lines, more) if lines else None


def _silent(source: str, title: str, why: str) -> Group:
    return Group(source, title, (Line("error", f"No answer: {why or 'no reason was given'}"),))


def _entity(line: str) -> str:
    match = _ENTITY.match(line)
    return match["name"] if match else ""


def _pods(text: str) -> Iterator[Pod]:
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 4 and fields[2] != "True" and fields[1] != "Succeeded":
            yield Pod(fields[0], fields[1], ", ".join(sorted(set(fields[3].split()))))


def _events(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the pod that a warning is about, if it is one, and the warning in one line; oldest first."""
    rows = []
    for line in text.splitlines():
        fields = line.split("\t", 6)
        if len(fields) == 7:
            # An event has one of two times; kubectl prints "<nil>" or "null" for the other.
            time = next((field for field in fields[:2] if field[:1].isdigit()), "")
            rows.append((time, *fields[2:]))
    for _, about, kind, reason, count, message in sorted(rows):
        times = f" ({count} times)" if count.isdigit() and int(count) > 1 else ""
        name = about.removeprefix("/")
        yield (name if kind == "Pod" else None), f"{kind.lower()} {name} {reason}: {message}{times}"
