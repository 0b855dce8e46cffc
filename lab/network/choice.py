"""The keys below ``network`` in ``lab.yaml``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

AUTO = "auto"
"""As the host does."""
NONE = "none"
"""Nothing, whatever the host does."""

# Without a character that means something to a shell, to systemd or to apt.
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
_PROXY = re.compile(rf"https?://([A-Za-z0-9._~!*+,;=:%-]+@)?{_HOST}/?")
_MIRROR = re.compile(rf"https?://{_HOST}(/[A-Za-z0-9._~+/-]*)?")
_NO_PROXY_WORD = re.compile(r"[A-Za-z0-9._*:/-]+")
_USER = re.compile(r"(://)[^/@\s]*@")


def redact(text: str) -> str:
    """Return a text without the user and the password of the URLs in it."""
    return _USER.sub(r"\1***@", text)


def check_proxy(value: str) -> str:
    """Return a proxy's URL as it is to be used.

    Raises:
        ValueError: It is none.
    """
    url = value if "://" in value else f"http://{value}"
    if not _PROXY.fullmatch(url):
        raise ValueError(
            "write http://PROXY:PORT, with USER:PASSWORD@ before PROXY if it asks for them, "
            "and other characters than letters and digits in these as %XX"
        )
    return url.rstrip("/")


def check_mirror(value: str) -> str:
    """Return a mirror's URL without a slash at its end.

    Raises:
        ValueError: It is none.
    """
    if not _MIRROR.fullmatch(value):
        raise ValueError("write the URL of a Debian mirror, such as http://mirror.example/debian")
    return value.rstrip("/")


def split_no_proxy(value: str) -> list[str]:
    """Return the names, addresses and networks of a ``NO_PROXY``.

    Raises:
        ValueError: One of them cannot be such a thing.
    """
    words = [word for word in re.split(r"[,\s]+", value) if word]
    for word in words:
        if not _NO_PROXY_WORD.fullmatch(word):
            raise ValueError(f"'{word}' is neither a name nor an address nor a network")
    return words


def _proxy_choice(value: str) -> str:
    return value if value in (AUTO, NONE) else check_proxy(value)


def _mirror_choice(value: str) -> str:
    return value if value in (AUTO, NONE) else check_mirror(value)


def _no_proxy_choice(value: str | list[str]) -> str | list[str]:
    if value in (AUTO, NONE):
        return value
    return split_no_proxy(value if isinstance(value, str) else " ".join(value))


def _files_choice(value: str | list[str]) -> str | list[str]:
    if value in (AUTO, NONE) or isinstance(value, list):
        return value
    return [value]


# A proxy's URL may hold a password.
_Proxy = Annotated[str, AfterValidator(_proxy_choice), Field(repr=False)]
_Mirror = Annotated[str, AfterValidator(_mirror_choice)]


class Network(BaseModel):
    """What the guest is told of the network: ``auto``, ``none``, or what is written.

    Attributes:
        proxy_http: Proxy for ``http://`` addresses.
        proxy_https: Proxy for ``https://`` addresses.
        proxy_apt: Proxy for apt's ``http://`` sources alone.
        no_proxy: What is reached without a proxy, beside the cluster itself.
        ca_certificates: Files with certificate authorities to trust.
        apt_mirror: Debian's archive.
        apt_mirror_security: Debian's archive of security updates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    proxy_http: _Proxy = AUTO
    proxy_https: _Proxy = AUTO
    proxy_apt: _Proxy = AUTO
    no_proxy: Annotated[str | list[str], AfterValidator(_no_proxy_choice)] = AUTO
    ca_certificates: Annotated[str | list[str], AfterValidator(_files_choice)] = AUTO
    apt_mirror: _Mirror = AUTO
    apt_mirror_security: _Mirror = AUTO
