"""The life of an application, as a pure function of what is seen.

``waiting`` (allocating) until the real pod is ready; then the charm's hooks one by one (``maintenance``),
each of which may fail first (``error``) and is retried; then its gates (``waiting`` or ``blocked``); then
``active``. A pod that stops being ready takes the application back at any point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .charmhub import Charm, Gate, Scalar
from .state import Application, Progress


@dataclass(frozen=True)
class Pod:
    """A pod as the cluster shows it."""

    name: str
    uid: str
    address: str
    ready: bool
    failing_hook: str = ""


@dataclass(frozen=True)
class World:
    """What an application's status depends on.

    Attributes:
        pods: pods of each application.
        statuses: current status of each application.
        options: effective options of each application.
        addresses: external address of each LoadBalancer service that has one.
    """

    pods: Mapping[str, tuple[Pod, ...]]
    statuses: Mapping[str, str]
    options: Mapping[str, Mapping[str, Scalar]]
    addresses: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """The outcome of one look.

    Attributes:
        application: the application with its new statuses.
        wake: when to look again even if nothing is reported, or None.
        log: what happened, as (level, message).
    """

    application: Application
    wake: float | None
    log: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Shown:
    current: str
    message: str = ""
    agent: str = "idle"
    agent_message: str = ""
    unit: tuple[str, str] | None = None


def advance(charm: Charm, application: Application, world: World, now: float) -> Step:
    """Compute an application's next state."""
    log: list[tuple[str, str]] = []
    pods = world.pods.get(application.name, ())
    failing = next((pod.failing_hook for pod in pods if pod.failing_hook), "")
    if failing:
        progress, shown = application.progress, _Shown("error", f'hook failed: "{failing}"')
    elif any(pod.ready for pod in pods):
        progress, shown = _with_pod(charm, application.progress, world, now, log)
    else:
        progress, shown = _without_pod(application, log)
    unit_current, unit_message = shown.unit or (shown.current, shown.message)
    if (shown.current, shown.message) != (application.application.current, application.application.message):
        level = "ERROR" if shown.current == "error" else "INFO"
        log.append((level, f"status is now {shown.current}: {shown.message}".rstrip(": ")))
    changed = replace(
        application,
        progress=progress,
        application=application.application.change(shown.current, shown.message, now),
        workload=application.workload.change(unit_current, unit_message, now),
        agent=application.agent.change(shown.agent, shown.agent_message, now),
    )
    return Step(changed, progress.until if progress.doing else None, tuple(log))


def _without_pod(application: Application, log: list[tuple[str, str]]) -> tuple[Progress, _Shown]:
    progress = application.progress
    if not progress.started:
        return progress, _Shown("waiting", "installing agent", agent="allocating")
    if progress.ready:
        log.append(("WARNING", "pod is no longer ready"))
    unit = f"{application.name}/0"
    # A hook that was under way is lost with its pod, and runs again from its beginning.
    return replace(progress, doing="", until=0.0, ready=False), _Shown(
        "waiting",
        "waiting for units to settle down",
        agent="lost",
        agent_message="agent is not communicating with the server",
        unit=("unknown", f"agent lost, see 'juju show-status-log {unit}'"),
    )


def _with_pod(
    charm: Charm, progress: Progress, world: World, now: float, log: list[tuple[str, str]]
) -> tuple[Progress, _Shown]:
    if progress.started and not progress.ready and "start" not in progress.queue:
        # The pod is back: the charm starts again.
        progress = replace(progress, queue=(*progress.queue, "start"))
    progress = replace(progress, started=True, ready=True)
    while progress.queue:
        hook = charm.hook(progress.queue[0])
        if progress.doing == "":
            progress = replace(progress, doing="hook", until=now + hook.seconds)
            log.append(("DEBUG", f'running hook "{hook.name}"'))
        if now < progress.until:
            break
        if progress.doing == "error":
            log.append(("INFO", f'awaiting error resolution for "{hook.name}" hook: retrying'))
            progress = replace(progress, doing="")
            continue
        failed = progress.failures.get(hook.name, 0)
        if failed < hook.fails:
            log.append(
                ("ERROR", f'hook "{hook.name}" (via hook dispatching script: dispatch) failed: exit status 1')
            )
            failures = {**progress.failures, hook.name: failed + 1}
            progress = replace(progress, doing="error", until=now + hook.retry_seconds, failures=failures)
            break
        log.append(("INFO", f'ran "{hook.name}" hook (via hook dispatching script: dispatch)'))
        progress = replace(progress, doing="", until=0.0, queue=progress.queue[1:])
    if not progress.queue:
        return progress, _gated(charm, world)
    hook = charm.hook(progress.queue[0])
    if progress.doing == "error":
        return progress, _Shown("error", f'hook failed: "{hook.name}"')
    return progress, _Shown(
        "maintenance", hook.message, agent="executing", agent_message=f"running {hook.name} hook"
    )


def _gated(charm: Charm, world: World) -> _Shown:
    for gate in charm.gates:
        if not _open(gate, world):
            return _Shown(gate.status, gate.message)
    return _Shown("active")


def _open(gate: Gate, world: World) -> bool:
    if gate.application:
        return world.statuses.get(gate.application) == "active"
    if gate.address:
        return bool(world.addresses.get(gate.address))
    # An option of an application that is not there cannot be set: the gate stays shut.
    return all(world.options.get(name, {}).get(option) for name, option in gate.options)
