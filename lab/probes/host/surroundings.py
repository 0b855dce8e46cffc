"""The network around this computer: names, clock, proxy, certificates."""

from __future__ import annotations

import email.utils
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import NETWORK_CURE, Fetch, NoAnswer, fetch

CLOCK_SECONDS = 60.0
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"
CA_DIRECTORIES = (Path("/usr/local/share/ca-certificates"), Path("/etc/pki/ca-trust/source/anchors"))

Resolve = Callable[[str], object]
"""Looks a name up, or raises OSError."""


def resolve(name: str) -> object:
    """Look a name up."""
    return socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)


def names(hosts: Sequence[str], environ: Mapping[str, str], resolve: Resolve = resolve) -> Iterator[Finding]:
    """Look the names of all hosts up that the lab asks."""
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
    elif _variable(environ, "https_proxy"):
        yield NETWORK.ok("dns", f"{some}: not known here, but the proxy looks names up")
    else:
        yield NETWORK.failure(
            "dns",
            f"Names are not known here: {some} ({next(iter(unknown.values()))})",
            f"{NETWORK_CURE} /etc/resolv.conf names the name server that is asked.",
            code="LAB-NET-007",
        )


def clock(urls: Sequence[str], fetch: Fetch = fetch) -> Iterator[Finding]:
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
    values = {name: value for name in PROXY_VARIABLES if (value := _variable(environ, name))}
    if not values:
        yield NETWORK.ok("proxy", "none")
        return
    found = ", ".join(f"{name}={_mask(value)}" for name, value in values.items())
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


def certificates(
    environ: Mapping[str, str], directories: Sequence[Path] = CA_DIRECTORIES
) -> Iterator[Finding]:
    """Say which certificate authorities were added to those that the system came with."""
    named = {name: environ[name] for name in CA_VARIABLES if environ.get(name)}
    missing = [f"{name}={path}" for name, path in named.items() if not Path(path).is_file()]
    added = [
        path.name
        for directory in directories
        for path in (sorted(directory.iterdir()) if directory.is_dir() else ())
        if path.suffix in (".crt", ".pem")
    ]
    parts = [*added, *(f"{name}={path}" for name, path in named.items() if path != SYSTEM_CAS)]
    if missing:
        yield NETWORK.warning(
            "certificates", f"{', '.join(missing)}: there is no such file", "Set it right, or unset it."
        )
    else:
        yield NETWORK.ok(
            "certificates", f"added: {', '.join(parts)}" if parts else "those of the system, none added"
        )


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper(), "")


def _mask(url: str) -> str:
    return re.sub(r"(^|//)[^/@,]*@", r"\1***@", url)
