"""What the host itself uses to reach the world."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import HostError
from lab.network.certificates import bundle_extras, local_anchors
from lab.network.choice import check_mirror, check_proxy, split_no_proxy
from lab.network.mirror import debian_mirrors
from lab.process import Runner, run

_APT_SECONDS = 10.0
_ENVIRONMENT = "the environment"
_APT = "apt's configuration"


@dataclass(frozen=True)
class HostNetwork:
    """What was found on the host; empty where there is nothing.

    Attributes:
        proxy_http: Proxy for ``http://`` addresses. It may hold a password.
        proxy_https: Proxy for ``https://`` addresses. It may hold a password.
        proxy_apt: Proxy for apt's ``http://`` sources alone. It may hold a password.
        no_proxy: What is reached without a proxy.
        certificates: Certificate authorities beside Debian's own, as PEM.
        apt_mirror: Debian's archive.
        apt_mirror_security: Debian's archive of security updates.
        origins: Where each of these was found, by its name.
        ignored: What was found and cannot be used, one sentence each, without passwords.
    """

    proxy_http: str = field(default="", repr=False)
    proxy_https: str = field(default="", repr=False)
    proxy_apt: str = field(default="", repr=False)
    no_proxy: tuple[str, ...] = ()
    certificates: tuple[str, ...] = field(default=(), repr=False)
    apt_mirror: str = ""
    apt_mirror_security: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def discover(
    environ: Mapping[str, str], root: Path = Path("/"), *, release: str, runner: Runner = run
) -> HostNetwork:
    """Find out what the host uses; reads only.

    Args:
        environ: The host's environment.
        root: The host's root directory.
        release: Debian's release in the guest, such as ``12``.
        runner: Runs ``apt-config``.
    """
    ignored: list[str] = []
    origins: dict[str, str] = {}

    def usable(what: str, value: str, origin: str, check: Callable[[str], str] = check_proxy) -> str:
        try:
            checked = check(value) if value else ""
        except ValueError:
            ignored.append(f"The {what} in {origin} is not a URL that can be used.")
            return ""
        if checked:
            origins[what] = origin
        return checked

    http = usable("proxy_http", from_environment(environ, "http_proxy"), _ENVIRONMENT)
    https = usable("proxy_https", from_environment(environ, "https_proxy"), _ENVIRONMENT)
    apt_http, apt_https = apt_proxies(runner)
    proxy_apt = usable("proxy_apt", apt_http, _APT)
    # A cache for packages is set for http alone, and can do nothing else.
    if apt_http and apt_https and not http and not https:
        http, https = usable("proxy_http", apt_http, _APT), usable("proxy_https", apt_https, _APT)
    try:
        no_proxy = tuple(split_no_proxy(from_environment(environ, "no_proxy")))
    except ValueError as error:
        ignored.append(f"NO_PROXY in {_ENVIRONMENT} cannot be used: {error}.")
        no_proxy = ()
    anchors, extras = local_anchors(root), bundle_extras(environ, root)
    if anchors or extras:
        origins["ca_certificates"] = "the host's own" if anchors else _ENVIRONMENT
    archive, security = debian_mirrors(root, release)
    return HostNetwork(
        proxy_http=http,
        proxy_https=https,
        proxy_apt=proxy_apt,
        no_proxy=no_proxy,
        certificates=tuple(dict.fromkeys([*anchors, *extras])),
        apt_mirror=usable("apt_mirror", archive, "apt's sources", check_mirror),
        apt_mirror_security=usable("apt_mirror_security", security, "apt's sources", check_mirror),
        origins=origins,
        ignored=tuple(ignored),
    )


def from_environment(environ: Mapping[str, str], name: str) -> str:
    """Return a proxy variable, which is known in lower and in upper case."""
    return environ.get(name) or environ.get(name.upper()) or ""


def apt_proxies(runner: Runner = run) -> tuple[str, str]:
    """Return the proxies for http and https of the host's apt; empty if it has none, or there is no apt."""
    words = ("apt-config", "shell", "http", "Acquire::http::Proxy", "https", "Acquire::https::Proxy")
    try:
        result = runner(words, timeout=_APT_SECONDS)
    except HostError:
        return "", ""
    found = {}
    for word in shlex.split(result.stdout) if result.ok else ():
        name, _, value = word.partition("=")
        found[name] = "" if value.lower() in ("direct", "false") else value
    return found.get("http", ""), found.get("https", "")
