"""The network around this computer: names, clock, proxy, certificates."""

from __future__ import annotations

import email.utils
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.network.choice import redact
from lab.network.discover import from_environment
from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import NETWORK_CURE, Fetch, NoAnswer

CLOCK_SECONDS = 60.0
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

Resolve = Callable[[str], object]
"""Looks a name up, or raises OSError."""


def resolve(name: str) -> object:
    """Look a name up."""
    return socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)


def names(hosts: Sequence[str], *, proxied: bool, resolve: Resolve = resolve) -> Iterator[Finding]:
    """Look the names of all hosts up that the lab asks.

    Args:
        hosts: The names.
        proxied: Whether a proxy asks them for the lab.
        resolve: Looks a name up.
    """
    unknown: dict[str, str] = {}
    for host in hosts:
        try:
            resolve(host)
        except OSError as error:
            unknown[host] = error.strerror or str(error)
        if len(unknown) == 2:
            # A name server that does not answer takes its time for each.
            break
    some = ", ".join(unknown)
    if not unknown:
        yield NETWORK.ok("dns", f"{len(hosts)} of {len(hosts)} names are known")
    elif proxied:
        yield NETWORK.ok("dns", f"{some}: not known here, but the proxy looks names up")
    else:
        yield NETWORK.failure(
            "dns",
            f"Names are not known here: {some} ({next(iter(unknown.values()))})",
            f"{NETWORK_CURE} /etc/resolv.conf names the name server that is asked.",
            code="LAB-NET-007",
        )


def clock(urls: Sequence[str], fetch: Fetch) -> Iterator[Finding]:
    """Compare the clock with the time in the answer of the first web service that names one."""
    for url in urls:
        try:
            answer = fetch(url, method="HEAD", timeout=4.0)
            there = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (NoAnswer, KeyError, ValueError, TypeError):
            continue
        ahead = answer.received - there
        where = "ahead of" if ahead > 0 else "behind"
        host = url.split("/")[2]
        if abs(ahead) > CLOCK_SECONDS:
            yield NETWORK.warning(
                "clock",
                f"The clock of this computer is {abs(ahead):.0f} s {where} that of {host}",
                "Certificates and tokens depend on it. Set it: sudo timedatectl set-ntp true",
            )
        else:
            yield NETWORK.ok("clock", f"as that of {host}, to the minute")
        return
    yield NETWORK.warning("clock", "There was no answer to compare the clock with", NETWORK_CURE)


def proxy(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say which proxy the environment names."""
    values = {name: value for name in PROXY_VARIABLES if (value := from_environment(environ, name))}
    if not values:
        yield NETWORK.ok("proxy", "none")
        return
    found = ", ".join(f"{name}={_shown(name, value)}" for name, value in values.items())
    exempt = values.get("no_proxy", "")
    if "https_proxy" not in values:
        yield NETWORK.warning(
            "proxy",
            f"{found}, but no https_proxy",
            "The stores are asked by HTTPS: export https_proxy=..., too.",
        )
    elif exempt != "*" and not {"127.0.0.1", "localhost"} & {part.strip() for part in exempt.split(",")}:
        yield NETWORK.warning(
            "proxy",
            found,
            "The lab is reached on 127.0.0.1, which no proxy serves: export no_proxy=localhost,127.0.0.1",
        )
    else:
        yield NETWORK.ok("proxy", found)


def certificates(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the files with certificate authorities that the environment names."""
    named = {name: environ[name] for name in CA_VARIABLES if environ.get(name)}
    missing = [f"{name}={path}" for name, path in named.items() if not Path(path).is_file()]
    if missing:
        yield NETWORK.warning(
            "certificates", f"{', '.join(missing)}: there is no such file", "Set it right, or unset it."
        )
    else:
        found = ", ".join(f"{name}={path}" for name, path in named.items())
        yield NETWORK.ok("certificates", found or "the environment names none")


def told(remarks: Sequence[str]) -> Iterator[Finding]:
    """Say what the guest is told of the network."""
    yield NETWORK.ok("guest", " ".join(remarks) or "The guest is told nothing of proxies or mirrors.")


def _shown(name: str, value: str) -> str:
    if name == "no_proxy":
        return value
    return redact(value if "://" in value else f"http://{value}")
