"""What every command is asked: which lab, which edition, and how much to tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.transport.base import Transport
    from lab.vm.machine import Machine

_Function = TypeVar("_Function", bound=Callable[..., Any])

CONNECT_SECONDS = 120.0


@dataclass
class Request:
    """The options that every command has, wherever on the line they stood.

    Attributes:
        debug: Whether to show tracebacks.
        events: Where the events go as JSON lines, if the command has any.
        overrides: Settings by their key in ``lab.yaml``.
    """

    debug: bool = False
    events: str | None = None
    overrides: dict[str, object] = field(default_factory=dict)

    def settings(self, **flags: object) -> Settings:
        """Decide the settings of the lab that is asked for."""
        from lab.config import find_root, load_settings

        return load_settings(find_root(Path.cwd()), overrides={**self.overrides, **flags}, environ=os.environ)


def machine(settings: Settings) -> Machine:
    """Return the lab's virtual machine."""
    from lab.vm.machine import Machine

    return Machine(settings)


def connect(settings: Settings, *, timeout: float = CONNECT_SECONDS) -> Transport:
    """Log in to the lab's virtual machine."""
    from lab.transport.ssh import SSHTransport

    return SSHTransport.connect(machine(settings).ssh_target(), timeout=timeout)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    request = context.ensure_object(Request)
    if parameter.name == "debug":
        request.debug = request.debug or bool(value)
    elif value is not None and parameter.name is not None:
        request.overrides[parameter.name] = value


def common_options(function: _Function) -> _Function:
    """Add the options that may stand before a command's name as well as after it."""
    for decorate in (
        click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="Show tracebacks.",
        ),
        click.option(
            "--edition",
            metavar="EDITION",
            expose_value=False,
            callback=_remember,
            help="What to bring up: kubeflow-1.8 (default) to kubeflow-1.11, or rehearsal.",
        ),
        click.option(
            "--name",
            metavar="NAME",
            expose_value=False,
            callback=_remember,
            help="Which lab, if there are several (default: kubeflow).",
        ),
    ):
        function = decorate(function)
    return function


def json_option(function: _Function) -> _Function:
    """Add ``--json`` to a command that reads."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(function)
