"""The Vagrant box of an edition that takes it from the internet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import Fetch, NoAnswer

# Vagrant before 2.4 asked elsewhere, where there is no answer any more; Debian's has been mended.
CATALOGUE = "https://vagrantcloud.com/api/v2/vagrant"


def box(name: str, provider: str, vagrant_home: Path, fetch: Fetch) -> Iterator[Finding]:
    """Look whether the box is here already, or can be had."""
    copies = vagrant_home / "boxes" / name.replace("/", "-VAGRANTSLASH-")
    if any(copies.glob(f"**/{provider}")):
        yield NETWORK.ok("box", f"{name} is here already")
        return
    try:
        answer = fetch(f"{CATALOGUE}/{name}", headers={"Accept": "application/json"})
        if answer.status != 200:
            raise NoAnswer(f"it answered with HTTP status {answer.status}")
        try:
            right = json.loads(answer.body)["name"] == name
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            raise NoAnswer("something else answered in its place")
    except NoAnswer as error:
        yield NETWORK.failure(
            "box",
            f"The box {name} cannot be had from {CATALOGUE.split('/')[2]}: {error.reason}",
            f"{error.advice} A box may also be brought along as a file: vagrant box add --name {name} FILE",
            code="LAB-NET-008",
        )
        return
    yield NETWORK.ok("box", f"{name} can be had from {CATALOGUE.split('/')[2]}")
