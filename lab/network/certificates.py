"""Certificate authorities as PEM text."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name a file with the certificate authorities to trust."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> list[str]:
    """Return the certificates in a text, each as PEM in the same form.

    Raises:
        ValueError: One of them is broken.
    """
    found = []
    for body in _BLOCK.findall(text):
        try:
            data = base64.b64decode("".join(body.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"a certificate is broken: {error}") from error
        lines = base64.b64encode(data).decode()
        wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
        found.append(f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n")
    return found


def read_certificates(paths: Iterable[Path]) -> list[str]:
    """Return the certificates in some files, each once; what is no text or broken is left out."""
    found: dict[str, None] = {}
    for path in paths:
        try:
            found.update(dict.fromkeys(certificates(path.read_text(encoding="utf-8", errors="replace"))))
        except (OSError, ValueError):
            continue
    return list(found)


def local_anchors(root: Path) -> list[str]:
    """Return what the host's administrator added to Debian's certificate authorities."""
    return read_certificates(sorted(root.glob("usr/local/share/ca-certificates/**/*.crt")))


def bundle_extras(environ: Mapping[str, str], root: Path) -> list[str]:
    """Return what the bundles that the environment names have beside Debian's own authorities.

    Without Debian's package on the host nothing can be compared, and nothing is returned:
    all authorities of the world would be "extra" then.
    """
    debian = set(read_certificates(root.glob("usr/share/ca-certificates/**/*.crt")))
    if not debian:
        return []
    files = [root.joinpath(environ[name].lstrip("/")) for name in BUNDLE_VARIABLES if environ.get(name)]
    return [certificate for certificate in read_certificates(files) if certificate not in debian]
