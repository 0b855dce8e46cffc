"""What of the settings and of the host reaches the guest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import UsageError
from lab.network.certificates import certificates
from lab.network.choice import AUTO, NONE, Network, redact
from lab.network.discover import HostNetwork

HOST_ADDRESS = "10.0.2.2"
"""The host's 127.0.0.1 as a guest behind user-mode networking sees it."""

_LOOPBACK = re.compile(r"(https?://(?:[^@/]*@)?)(localhost|127\.[0-9.]+|\[::1\])(?=[:/]|$)")
_URLS = ("proxy_http", "proxy_https", "proxy_apt", "apt_mirror", "apt_mirror_security")


@dataclass(frozen=True)
class GuestNetwork:
    """What the scripts in the guest are told.

    Attributes:
        variables: For ``lab.env``; a proxy's may hold a password.
        certificates: Certificate authorities to trust, as PEM.
        remarks: What people should know of it, without passwords.
    """

    variables: dict[str, str] = field(default_factory=dict, repr=False)
    certificates: str = field(default="", repr=False)
    remarks: tuple[str, ...] = ()


def decide(chosen: Network, host: HostNetwork) -> GuestNetwork:
    """Put together what the settings say and, where they say ``auto``, what the host uses.

    Raises:
        UsageError: A file with certificates cannot be read, or holds none.
    """
    variables: dict[str, str] = {}
    remarks = [f"{sentence} The guest does without." for sentence in host.ignored]
    for key in _URLS:
        choice = getattr(chosen, key)
        found = choice == AUTO
        url = getattr(host, key) if found else "" if choice == NONE else choice
        if not url:
            continue
        inside = _LOOPBACK.sub(rf"\g<1>{HOST_ADDRESS}", url)
        variables[f"LAB_{key.upper()}"] = inside
        whence = f", from {host.origins.get(key, 'the host')}" if found else ""
        reached = f"; in the guest {redact(inside)}" if inside != url else ""
        if found or reached:
            remarks.append(f"The guest uses {key} {redact(url)}{whence}{reached}.")
    excepted = list(host.no_proxy) if chosen.no_proxy == AUTO else chosen.no_proxy
    if isinstance(excepted, list) and excepted:
        variables["LAB_NO_PROXY"] = ",".join(excepted)
    if chosen.ca_certificates == AUTO:
        trusted = list(host.certificates)
        if trusted:
            remarks.append(f"The guest trusts {len(trusted)} certificate authorities of the host.")
    else:
        trusted = [] if isinstance(chosen.ca_certificates, str) else _read(chosen.ca_certificates)
    return GuestNetwork(variables, "".join(trusted), tuple(remarks))


def _read(files: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in files:
        try:
            read = certificates(Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise _unusable(name, f"cannot be read: {reason}") from error
        if not read:
            raise _unusable(name, "holds no certificate")
        found.update(dict.fromkeys(read))
    return list(found)


def _unusable(name: str, why: str) -> UsageError:
    return UsageError(
        f"'{name}' of network.ca_certificates {why}.",
        code="LAB-CFG-008",
        hint="Name files in PEM form: -----BEGIN CERTIFICATE----- and what follows.",
    )
