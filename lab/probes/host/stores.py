"""The snap store and Charmhub: reachable, and with the channels that the edition wants.

Only a proper answer counts: a proxy that refuses and a login page of a hotel both answer too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import Fetch, NoAnswer

SNAP_STORE = "https://api.snapcraft.io"
CHARMHUB = "https://api.charmhub.io"
_IMPOSTOR = "something else answered in its place"
_REHEARSAL = "A lab that needs no store: python -m lab --edition rehearsal up"


def snap_store(snaps: Mapping[str, str], fetch: Fetch) -> Iterator[Finding]:
    """Ask the snap store for each snap.

    Args:
        snaps: Channels by the name of the snap.
        fetch: Asks a web service.
    """
    for name, channel in snaps.items():
        url = f"{SNAP_STORE}/v2/snaps/info/{name}?fields=channel-map"
        try:
            channels = _channels(fetch, url, name, {"Snap-Device-Series": "16"})
        except NoAnswer as error:
            yield NETWORK.failure(
                "snap-store",
                f"The snap store cannot be reached ({_host(url)}): {error.reason}",
                f"{error.advice} {_REHEARSAL}",
                code="LAB-NET-001",
            )
            return
        if channels and channel not in channels:
            yield NETWORK.failure(
                "snap-store",
                f"The snap store has no channel '{channel}' of the snap {name}",
                f"Channels: {', '.join(sorted(channels))}.",
                code="LAB-NET-003",
            )
            return
    found = ", ".join(f"{name} {channel}" for name, channel in snaps.items())
    yield NETWORK.ok("snap-store", f"{_host(SNAP_STORE)} answers and has {found}")


def charmhub(charm: str, channel: str, fetch: Fetch) -> Iterator[Finding]:
    """Ask Charmhub for the bundle of charms."""
    url = f"{CHARMHUB}/v2/charms/info/{charm}?fields=channel-map"
    try:
        channels = _channels(fetch, url, charm, {})
    except NoAnswer as error:
        yield NETWORK.failure(
            "charmhub",
            f"Charmhub cannot be reached ({_host(url)}): {error.reason}",
            f"{error.advice} {_REHEARSAL}",
            code="LAB-NET-002",
        )
        return
    if channels and channel not in channels:
        yield NETWORK.failure(
            "charmhub",
            f"Charmhub has no channel '{channel}' of {charm}",
            f"Channels: {', '.join(sorted(channels))}.",
            code="LAB-NET-004",
        )
    else:
        yield NETWORK.ok("charmhub", f"{_host(CHARMHUB)} answers and has {charm} {channel}")


def _channels(fetch: Fetch, url: str, name: str, headers: Mapping[str, str]) -> set[str]:
    """Return the channels of a snap or charm, as track/risk.

    Raises:
        NoAnswer: The store did not answer, or somebody else did.
    """
    answer = fetch(url, headers={"Accept": "application/json", **headers})
    if answer.status != 200:
        raise NoAnswer(f"it answered with HTTP status {answer.status}")
    try:
        data = json.loads(answer.body)
        if data["name"] != name:
            raise NoAnswer(_IMPOSTOR)
        return {_channel(entry["channel"]) for entry in data.get("channel-map", [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(_IMPOSTOR) from error


def _channel(channel: Mapping[str, Any]) -> str:
    return f"{channel.get('track') or 'latest'}/{channel['risk']}"


def _host(url: str) -> str:
    return url.split("/")[2]
