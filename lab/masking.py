"""Hides secrets in what is written to logs, reports and archives.

Two ways at once: by form (a private key, a bearer token, ``password=...``), which needs no knowledge, and by
value, for the secrets that a lab is known to have. A known value is found in other spellings, too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator

HIDDEN = "***"

SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|credential|macaroon|cookie"
    r"|(?:api|access|private|client|encryption|signing)[_-]?key|client-certificate-data",
    re.IGNORECASE,
)
"""What is in the name of a setting whose value is a secret."""

SHORTEST = 4
"""Characters of the shortest value that is looked for everywhere."""

# A setting of that name only says where the secret is, or what it is about.
_ABOUT = re.compile(
    r"(?:name|credential|ref|path|file|dir|type|kind|ttl|url|uri|mode|policy|version|seconds|count)s?$", re.I
)
_NO_SECRET = re.compile(
    r"(?:true|false|null|none|nil|yes|no|~|\*+|\$\{?[A-Z_]+\}?|<[^>]*>|\[\]|\{\})?$", re.I
)

_KEY = r"(?:[A-Z0-9]+ )*PRIVATE KEY"
_NAME = rf"(?i:{SECRET_NAME.pattern})[\w.-]*"
_MARK = r"\\*[\"']?"
_FORMS = re.compile(
    "|".join(
        (
            # Also where line ends are written as \n, and where the end is cut off.
            rf"(?P<pem>-----BEGIN {_KEY}-----.*?(?:-----END {_KEY}-----|\Z))",
            # The same, or a certificate, in base64.
            r"(?P<pem64>LS0tLS1CRUdJTi[A-Za-z0-9+/]+=*)",
            # A line from the middle of one; sums are written in lower-case hexadecimal digits.
            r"^[ \t]*(?P<line>(?![0-9a-f]{64,}$)[A-Za-z0-9+/]{64,76}={0,2})$",
            r"(?P<jwt>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
            r"(?P<hash>\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})",
            r"\b(?i:bearer|basic)\s+(?P<bearer>(?=[\w~+/.-]*[0-9=A-Z])[\w~+/.-]{8,}=*)",
            r"(?i:\b(?:cookie|authorization)\\*[\"']?[ \t]*[:=])[ \t\\\"']*"
            r"(?P<header>[^\s\\\"'][^\r\n\\\"']*)",
            r"(?<=://)(?P<login>[^\s/@\"']+)@",
            # A variable of a container, a cookie in a jar: the name is a value, too.
            rf"\b(?i:name){_MARK}:\s*{_MARK}[\w.-]*{_NAME}{_MARK},?\s*{_MARK}(?i:value){_MARK}:\s*{_MARK}"
            r"(?P<named>[^\s\"'\\,}][^\r\n\"'\\,}]*)",
            rf"(?P<name>{_NAME})(?P<sign>\\*[\"']?[ \t]*[:=][ \t]*|[ \t]+)(?:"
            r"""\\+"(?P<escaped>[^"\\]*)\\+"|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'"""
            r"""|(?P<word>[^\s,;&|<>{}\[\]()"'\\][^\s,;&{}"'\\]*))""",
        )
    ),
    re.DOTALL | re.MULTILINE,
)
_GROUPS = (
    *("pem", "pem64", "line", "jwt", "hash", "bearer", "header", "login", "named"),
    *("escaped", "double", "single", "word"),
)
# "token: expired" ends a sentence, "cannot get the macaroon: connection refused" goes on.
_ENDS = re.compile(r"[ \t]*(?:[,;}\]&\r\n\"'\\]|$)")
_BEGINS = re.compile(r"[ \t\-\"'{]*[\w.-]*$")
_OPTION = re.compile(r"(?:^|\s)--[\w-]*$")
# password: |
#   the value
_BLOCK = re.compile(
    rf"^(?P<indent>[ ]*)(?P<head>(?:- )?[\"']?[\w.-]*{_NAME}[\"']?:[ ]*[|>][+-]?[ ]*)\n"
    r"(?P<body>(?:(?P=indent)[ ]+[^\n]*(?:\n|\Z)|[ ]*\n)+)",
    re.MULTILINE,
)


def is_secret_name(name: str) -> bool:
    """Whether the value of a setting of this name is a secret."""
    return SECRET_NAME.search(name) is not None and _ABOUT.search(name) is None


def find_forms(text: str) -> set[str]:
    """Return what looks like a secret."""
    found = {match[1] for _, match in _matches(text)}
    return found | {
        line.strip() for match in _BLOCK.finditer(text) for line in match["body"].splitlines()
    } - {""}


def mask_forms(text: str) -> str:
    """Hide what looks like a secret."""
    text = _BLOCK.sub(lambda match: f"{match['indent']}{match['head']}\n{match['indent']}  {HIDDEN}\n", text)
    parts = []
    done = 0
    for (start, end), _ in _matches(text):
        parts += [text[done:start], HIDDEN]
        done = end
    return "".join([*parts, text[done:]])


class Mask:
    """Hides secrets by form and by value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Prepare.

        Args:
            secrets: Known values; what is shorter than `SHORTEST` cannot be looked for.
        """
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        # A part of a longer one must not be hidden first and leave the rest.
        self._spellings = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))

    def text(self, text: str) -> str:
        """Hide the secrets in a text."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return mask_forms(text)

    def data(self, data: bytes) -> bytes:
        """Hide the secrets in a text of any encoding that keeps ASCII as it is."""
        return self.text(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _matches(text: str) -> Iterator[tuple[tuple[int, int], tuple[str, str]]]:
    """Yield where each secret is, with the name of its form and the secret itself."""
    position = 0
    while match := _FORMS.search(text, position):
        group = next(group for group in _GROUPS if match[group] is not None)
        position = max(match.end(), match.start() + 1)
        if match["name"] is not None and not _is_setting(text, match, group):
            # What follows the name may be a secret of another form.
            position = match.end("name")
        elif not _NO_SECRET.match(match[group]):
            yield match.span(group), (group, match[group])


def _is_setting(text: str, match: re.Match[str], group: str) -> bool:
    """Whether ``name: value``, ``name=value`` or ``--name value`` is a setting, and no part of a sentence."""
    if _ABOUT.search(match["name"]):
        return False
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    if match["sign"].isspace():
        return _OPTION.search(before) is not None
    if "=" in match["sign"] or group != "word":
        return True
    return _BEGINS.match(before) is not None or _ENDS.match(text, match.end()) is not None


def _spellings(secret: str) -> Iterator[str]:
    """Yield a value as it is, and as JSON, URLs and base64 (of whatever it is a part of) have it."""
    secret = secret.strip()
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        for line in lines:
            # The first and the last line of a key are no secret.
            if len(line) >= 16 and not line.startswith("-----"):
                yield from _spellings(line)
        return
    if len(secret) < SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield urllib.parse.quote(secret, safe="")
    raw = secret.encode("utf-8", "surrogateescape")
    yield base64.b64encode(raw).decode().rstrip("=")
    for before, skip in ((0, 0), (1, 2), (2, 3)):
        # Only the characters that do not depend on the neighbours.
        whole = base64.b64encode(b"\0" * before + raw)[: (before + len(raw)) * 8 // 6].decode()[skip:]
        if len(whole) >= 6:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")
    if len(secret) >= 16:
        try:
            inner = base64.b64decode(secret, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return
        if inner.isprintable() or "\n" in inner:
            yield from _spellings(inner)
