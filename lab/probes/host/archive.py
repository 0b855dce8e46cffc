"""Debian's archive, which the guest installs snapd from."""

from __future__ import annotations

from collections.abc import Iterator

from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import Fetch, NoAnswer

CODENAMES = {"12": "bookworm", "13": "trixie"}


def archive(mirror: str, release: str, fetch: Fetch) -> Iterator[Finding]:
    """Ask the archive for the release of the guest.

    Args:
        mirror: The archive's URL.
        release: Debian's release in the guest, such as ``12``.
        fetch: Asks a web service.
    """
    try:
        answer = fetch(f"{mirror}/dists/{CODENAMES[release]}/InRelease")
        if answer.status != 200:
            raise NoAnswer(f"it answered with HTTP status {answer.status}")
        if b"\nOrigin: Debian\n" not in answer.body:
            raise NoAnswer("something else answered in its place")
    except NoAnswer as error:
        yield NETWORK.failure(
            "debian-archive",
            f"Debian's archive cannot be reached ({mirror}): {error.reason}",
            f"{error.advice} docs/network.md tells how to set a mirror.",
            code="LAB-NET-009",
        )
        return
    yield NETWORK.ok("debian-archive", f"{mirror} answers and has Debian {release}")
