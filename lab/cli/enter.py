"""Commands that lead into the lab: ssh, exec, kubeconfig."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

import click

from lab.cli.request import Request, common_options, connect, json_option, machine
from lab.errors import HostError

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.transport.base import Transport

_ALIVE_SECONDS = 10.0
_LOGIN_SECONDS = 20.0


@click.command(epilog="\b\nExample:\n  python -m lab ssh")
@common_options
@click.pass_obj
def ssh(request: Request) -> None:
    """Open a shell in the VM."""
    _become_ssh(request.settings(), [])


@click.command(
    "exec",
    context_settings={"allow_interspersed_args": False},
    epilog="""
\b
Examples:
  python -m lab exec microk8s kubectl get pods -A
  python -m lab exec 'juju status | head'
  python -m lab exec -- ls -l /snap
""",
)
@common_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.pass_obj
def exec_(request: Request, command: tuple[str, ...]) -> None:
    """Run a command in the VM and exit with its code.

    One argument is a line for the VM's shell; several are a program and its arguments,
    which reach it as they are.
    """
    line = command[0] if len(command) == 1 else shlex.join(command)
    # /snap/bin is on the PATH of login shells alone.
    # With a terminal, Ctrl-C reaches the command; without one, its output stays as it is.
    terminal = "-t" if sys.stdin.isatty() and sys.stdout.isatty() else "-T"
    _become_ssh(request.settings(), [terminal], f"bash -lc {shlex.quote(line)}")


@click.command(
    epilog="""
\b
Examples:
  python -m lab kubeconfig             write it and say how to use it
  python -m lab kubeconfig --tunnel    and let kubectl on this computer reach the lab
"""
)
@click.option("--tunnel", is_flag=True, help="Lead the API server to 127.0.0.1 until Ctrl-C.")
@json_option
@common_options
@click.pass_obj
def kubeconfig(request: Request, tunnel: bool, as_json: bool) -> None:
    """Fetch the kubeconfig for kubectl on this computer.

    The file is readable by you alone. It names a port of 127.0.0.1: the one that lab.yaml
    publishes (ports: kubernetes), or one that --tunnel opens while it runs.
    """
    from lab.plan.bringup import fetch_access
    from lab.probes.apiserver import KUBERNETES_PORT

    settings = request.settings()
    published = settings.ports.kubernetes
    transport = connect(settings)
    try:
        path = fetch_access(transport, settings)
        port = published or KUBERNETES_PORT
        if as_json:
            server = f"https://127.0.0.1:{port}"
            click.echo(json.dumps({"path": str(path), "server": server, "published": published is not None}))
        else:
            click.echo(f"export KUBECONFIG={shlex.quote(str(path))}")
            if not tunnel and published is None:
                click.echo(
                    "This opens the way it needs: python -m lab kubeconfig --tunnel (in another terminal)",
                    err=True,
                )
        if tunnel and published is None:
            with transport.tunnel("127.0.0.1", KUBERNETES_PORT, port):
                click.echo(f"The API server is on https://127.0.0.1:{port} until Ctrl-C.", err=True)
                until_interrupted(transport)
    finally:
        transport.close()


def until_interrupted(transport: Transport) -> None:
    """Wait for Ctrl-C.

    Raises:
        HostError: The guest did not answer any more before that.
    """
    never = threading.Event()
    try:
        while transport.is_alive():
            never.wait(_ALIVE_SECONDS)
    except KeyboardInterrupt:
        return
    raise HostError("The VM no longer answers.", code="LAB-HOST-022", hint="python -m lab status")


def _become_ssh(settings: Settings, options: list[str], command: str | None = None) -> NoReturn:
    """Let the system's ssh take this process's place: its terminal, its signals and its exit code."""
    from lab.process import not_installed
    from lab.transport.ssh_login import check_host_key

    # At the log level that Vagrant chooses, ssh would not even say why it does not log in.
    check_host_key(machine(settings).ssh_target(), timeout=_LOGIN_SECONDS)
    config = settings.state_dir / "ssh_config"
    arguments = ["ssh", "-F", str(config), *options, _host_alias(config.read_text(encoding="utf-8"))]
    if command is not None:
        arguments.append(command)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp("ssh", arguments)  # noqa: S606 - no shell is wanted
    except FileNotFoundError:
        raise not_installed("ssh", "On Debian: apt install openssh-client") from None


def _host_alias(config: str) -> str:
    """Return the name that an ssh_config calls the machine by."""
    for line in config.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword == "Host":
            return value.strip()
    raise HostError("The lab's ssh_config names no host.", code="LAB-HOST-023", hint="python -m lab up")
