"""The command that leads a browser into the lab: open."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from lab.cli.enter import until_interrupted
from lab.cli.request import Request, common_options, connect, json_option
from lab.errors import HostError

if TYPE_CHECKING:
    from lab.config import Settings
    from lab.gateway import Credentials, Entrance

# Pages other than the dashboard's own are shown in its frame, which tells them the namespace.
PAGES = {"dashboard": "/", "pipelines": "/_/pipeline/", "katib": "/_/katib/"}
"""The paths behind the gateway (kubeflow/kubeflow, components/centraldashboard)."""


@click.command(
    "open",
    epilog="""
\b
Examples:
  python -m lab open                        the dashboard
  python -m lab open pipelines --password   and say the password, too
  python -m lab open katib --url            print the address, and open no browser
""",
)
@click.argument("page", type=click.Choice(list(PAGES)), default="dashboard")
@click.option("--url", "only_url", is_flag=True, help="Print the address alone; open no browser.")
@click.option("--password", "show_password", is_flag=True, help="Print the password of the login, too.")
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=None,
    help="The port on 127.0.0.1 (default: one that is free).",
)
@json_option
@common_options
@click.pass_obj
def open_(
    request: Request, page: str, only_url: bool, show_password: bool, port: int | None, as_json: bool
) -> None:
    """Lead a browser on this computer into Kubeflow, until Ctrl-C.

    The gateway's address inside the VM gets a port on 127.0.0.1. The password of the login is in the lab's
    state, readable by you alone, and is shown only if you ask for it.
    """
    from lab import gateway

    if only_url and as_json:
        raise click.UsageError("--url and --json are two ways to print; choose one.")
    if only_url and show_password:
        raise click.UsageError("--url prints the address alone; leave out --url or --password.")
    settings = request.settings()
    with ExitStack() as stack:
        transport = connect(settings)
        stack.callback(transport.close)
        entrance = gateway.locate(transport, settings)
        login = gateway.credentials(transport, settings)
        try:
            tunnel = stack.enter_context(transport.tunnel(entrance.address, gateway.PORT, port or 0))
        except OSError as error:
            raise _taken(port) if error.errno == errno.EADDRINUSE else error from error
        url = f"http://127.0.0.1:{tunnel.port}{PAGES[page]}"
        if only_url:
            click.echo(url)
        elif as_json:
            secret = {"password": login.password} if show_password else {}
            click.echo(json.dumps(_facts(settings, page, url, entrance, login) | secret))
        else:
            for line in _told(settings, page, url, login, show_password=show_password):
                click.echo(line)
            if not _open_browser(url):
                click.echo("Open this address in a browser on this computer.", err=True)
        sys.stdout.flush()
        until_interrupted(transport)


def _facts(settings: Settings, page: str, url: str, entrance: Entrance, login: Credentials) -> dict[str, str]:
    return {
        "url": url,
        "page": page,
        "address": entrance.address,
        "host": entrance.host,
        "username": login.username,
        "credentials": str(settings.state_dir / "credentials"),
        "banner": settings.banner,
    }


def _told(
    settings: Settings, page: str, url: str, login: Credentials, *, show_password: bool
) -> Iterator[str]:
    title = f"{settings.banner}: the {page}" if settings.banner else f"The {page}"
    yield f"{title} page is at {url} until Ctrl-C."
    yield f"User:     {login.username}"
    kept = settings.state_dir / "credentials"
    yield f"Password: {login.password if show_password else f'in {kept}; --password shows it'}"


def _open_browser(url: str) -> bool:
    """Open the user's browser; False if there is none to open a window with."""
    import webbrowser

    # Without a display there are only browsers that would take this terminal.
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    return webbrowser.open(url)


def _taken(port: int | None) -> HostError:
    return HostError(
        f"Port {port} of this computer is taken.",
        code="LAB-HOST-024",
        hint="Choose another, or leave --port out to get one that is free.",
    )
