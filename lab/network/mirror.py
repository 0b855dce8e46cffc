"""Where the host's apt gets Debian from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

_DEFAULTS = re.compile(r"https?://(deb|security|ftp|httpredir|cdn-fastly\.deb)\.debian\.org(/|$)")
_ONE_LINE = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)")


def debian_mirrors(root: Path, release: str) -> tuple[str, str]:
    """Return the host's mirrors of the archive and of the security updates.

    Args:
        root: The host's root directory.
        release: Debian's release in the guest, such as ``12``.

    Returns:
        Two URLs; empty where the host uses Debian's own servers, or is not of this release.
    """
    about = _os_release(root)
    if (about.get("ID"), about.get("VERSION_ID")) != ("debian", release):
        return "", ""
    codename = about.get("VERSION_CODENAME", "")
    found: dict[str, str] = {}
    for url, suites in _sources(root):
        for suite in suites:
            found.setdefault(suite, url)
    chosen = (found.get(codename, ""), found.get(f"{codename}-security", ""))
    archive, security = ("" if _DEFAULTS.match(url) else url for url in chosen)
    return archive, security


def debian_archive(root: Path, codenames: Collection[str]) -> str:
    """Return the server that the host's apt gets Debian from, whether it is a mirror or not.

    Args:
        root: The host's root directory.
        codenames: Debian's releases that count.

    Returns:
        The first URL; empty if there is none, as on other systems.
    """
    for url, suites in _sources(root):
        if not set(suites).isdisjoint(codenames):
            return url
    return ""


def _os_release(root: Path) -> dict[str, str]:
    try:
        lines = (root / "etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {key: value.strip("\"'") for key, _, value in pairs}


def _sources(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of each server on the web with its suites, in apt's order."""
    for url, suites in _entries(root):
        if url.startswith(("http://", "https://")):
            yield url.rstrip("/"), suites


def _entries(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each URL with its suites, in apt's order."""
    apt = root / "etc/apt"
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if path.suffix not in (".list", ".sources"):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if path.suffix == ".list":
            for line in text.splitlines():
                if found := _ONE_LINE.match(line):
                    yield found[1], [found[2]]
            continue
        for stanza in re.split(r"\n\s*\n", text):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                for url in fields.get("URIs", "").split():
                    yield url, fields.get("Suites", "").split()
