"""What a command would do, as shell that can be pasted, without doing any of it."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.config import Settings, render_env
from lab.plan import guest
from lab.plan.selection import Selection
from lab.plan.step import Step
from lab.transport.base import Transport, TransportError
from lab.vm.states import RUNNING

LOOK_SECONDS = 300.0
COPY_SECONDS = 60.0

_PLACE = "/dev/shm/kubeflow-lab.dry-run"  # noqa: S108 - in the guest, which has one user
_USER_INFO = re.compile(r"(?<=://)[^/@\s']+(?=@)")
_SECRET = re.compile(r"^(export \w*(?:PASSWORD|SECRET|TOKEN)\w*=).*$", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """What there is before the command.

    Attributes:
        state: The machine's state.
        satisfied: Whether each step that was looked at is satisfied.
        left: What a purge would find, one thing a line.
    """

    state: str
    satisfied: Mapping[str, bool]
    left: tuple[str, ...] = ()


def look(transport: Transport, settings: Settings, steps: Sequence[Step], *, purge: bool = False) -> Found:
    """Make the checks in a guest that runs, by this checkout's scripts in a place of their own.

    Args:
        transport: The way into the guest.
        settings: The lab.
        steps: The steps to check.
        purge: Whether to ask what a purge would remove.
    """
    try:
        transport.put(settings.provision_dir, f"{_PLACE}/provision")
        transport.put_text(render_env(settings.provision_env), f"{_PLACE}/lab.env")
        scripts = f"export LAB_ENV={_PLACE}/lab.env; bash {_PLACE}/provision"
        satisfied: dict[str, bool] = {}
        left: tuple[str, ...] = ()
        if purge:
            said = transport.run(f"{scripts}/purge.sh check", timeout=LOOK_SECONDS).stdout
            left = tuple(line for line in said.splitlines() if line and not line.startswith("::"))
        else:
            names = shlex.join([step.name for step in steps])
            said = transport.run(f"{scripts}/look.sh {names}", timeout=LOOK_SECONDS).stdout
            satisfied = guest.checked(said)
    finally:
        # It is in memory, and gone with the next boot at the latest.
        with contextlib.suppress(TransportError):
            transport.run(f"rm -rf {_PLACE}", timeout=COPY_SECONDS)
    return Found(RUNNING, satisfied, left)


def render(
    settings: Settings,
    command: str,
    selection: Selection | None,
    found: Found,
    *,
    vagrant: Mapping[str, str],
    creates: bool = False,
    purge: bool = False,
) -> str:
    """Return the shell for this computer that does what a command would do.

    Args:
        settings: The lab.
        command: What would be typed.
        selection: The steps it carries out; ``None`` for none.
        found: What there is.
        vagrant: The variables that Vagrant needs.
        creates: Whether it makes and starts the machine.
        purge: Whether it takes the lab back first.
    """
    banner = f"{settings.banner}: " if settings.banner else ""
    lines = [
        "#!/usr/bin/env bash",
        f"# {banner}what '{command}' would do with the lab '{settings.name}', {settings.edition.title}.",
        f"# The VM is {found.state.replace('_', ' ')}. Nothing has been changed.",
        "set -euo pipefail",
        f"cd {shlex.quote(str(settings.root))}",
        *(
            f"export {key}={shlex.quote(_USER_INFO.sub('***', value))}"
            for key, value in sorted(vagrant.items())
        ),
    ]
    if creates:
        lines += _machine(settings, found)
    lines += _login(settings)
    if purge:
        lines += _purge(found)
    if selection is not None:
        for step in selection.steps:
            lines += _step(step, {} if purge else found.satisfied)
    return "\n".join(lines) + "\n"


def _machine(settings: Settings, found: Found) -> Iterator[str]:
    yield from ("", "# Start the virtual machine")
    up = f"vagrant up --no-provision --provider {settings.provider} {settings.name}"
    yield f"# it runs: {up}" if found.state == RUNNING else up


def _login(settings: Settings) -> Iterator[str]:
    state = f".lab/{settings.name}"
    yield from (
        "",
        "# Log in and copy the scripts",
        f"(umask 077 && mkdir -p {state} && vagrant ssh-config {settings.name} >{state}/ssh_config)",
        f'guest() {{ ssh -F {state}/ssh_config {settings.name} "$@"; }}',
        f"guest {shlex.quote(guest.fresh_home())}",
        f"tar -cf - provision | guest 'tar -xf - -C ~/{guest.HOME}'",
        f"guest 'umask 077; cat >~/{guest.ENV_FILE}' <<'END_OF_LAB_ENV'",
        _without_secrets(render_env(settings.provision_env)) + "END_OF_LAB_ENV",
    )


def _purge(found: Found) -> Iterator[str]:
    yield from ("", "# Remove everything (the purge path), and prove that nothing is left")
    yield from (f"# there is: {line}" for line in found.left)
    yield from (f"guest {shlex.quote(guest.script('purge', action))}" for action in ("apply", "check"))


def _step(step: Step, satisfied: Mapping[str, bool]) -> Iterator[str]:
    yield from ("", f"# {step.name}: {step.title}")
    yield from (f"# documented: {line}" for line in step.documented)
    run = f"guest {shlex.quote(guest.script(step.name, 'run'))} </dev/null"
    yield f"# satisfied: {run}" if satisfied.get(step.name) else run


def _without_secrets(text: str) -> str:
    return _SECRET.sub(r"\1'***'", _USER_INFO.sub("***", text))
