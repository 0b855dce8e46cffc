"""Which versions a lab really has: snaps, charms, images, Kubernetes, the guest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.config import Settings
from lab.errors import VMError
from lab.probes import guest
from lab.transport.base import Transport

_SCRIPT = Path(__file__).with_name("versions.sh")

Versions = dict[str, Any]
"""What a lab has, as plain data; see docs/lock.md. What could not be found out is ``None`` or left out."""


def read_versions(transport: Transport, settings: Settings) -> Versions:
    """Ask the guest, in one round trip.

    Raises:
        LabError: The guest did not answer.
    """
    provision = settings.provision_env
    controller = provision.get("LAB_CONTROLLER", "")
    facts = guest.ask_script(transport, _SCRIPT, controller, provision.get("LAB_MODEL", ""))
    if not facts.answers:
        raise VMError(
            "The VM does not say which versions it has.", code="LAB-VM-301", hint="python -m lab status"
        )
    model = _json(facts, "model")
    return {
        "edition": settings.edition.name,
        "guest": {
            "os": _os_release(facts.text("os")).get("PRETTY_NAME"),
            "debian": _line(facts, "debian"),
            "kernel": _line(facts, "kernel"),
        },
        "snaps": dict(_snaps(facts.text("snaps"))),
        "kubernetes": {
            "version": _in(_json(facts, "kubernetes"), "serverVersion", "gitVersion"),
            "runtime": _line(facts, "runtime"),
        },
        "juju": {
            "controller": _in(_json(facts, "controllers"), "controllers", controller, "agent-version"),
            "model": _in(model, "model", "version"),
        },
        "applications": dict(_applications(model)),
        "images": _images(facts.text("images")),
    }


def _snaps(listed: str) -> Iterator[tuple[str, dict[str, object]]]:
    for line in listed.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 4:
            name, version, revision, tracking = fields[:4]
            channel = None if tracking == "-" else tracking
            yield name, {"version": version, "revision": revision, "channel": channel}


def _applications(status: object) -> Iterator[tuple[str, dict[str, object]]]:
    applications = _in(status, "applications")
    for name, application in applications.items() if isinstance(applications, dict) else ():
        yield (
            name,
            {
                "charm": _in(application, "charm-name"),
                "channel": _in(application, "charm-channel"),
                "revision": _in(application, "charm-rev"),
            },
        )


def _images(listed: str) -> dict[str, list[str]]:
    """Return the IDs by image; a tag that moved while the lab was running has several."""
    found: dict[str, set[str]] = {}
    for line in listed.splitlines():
        image, _, identity = line.partition("\t")
        # A container that has not started has no ID yet.
        if image and identity:
            # Docker's name for the same: docker-pullable://name@sha256:...
            found.setdefault(image, set()).add(identity.rpartition("//")[2])
    return {image: sorted(identities) for image, identities in found.items()}


def _os_release(text: str) -> dict[str, str]:
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in text.splitlines())}


def _line(facts: guest.Facts, name: str) -> str | None:
    return facts.text(name).strip() or None


def _json(facts: guest.Facts, name: str) -> object:
    try:
        return json.loads(facts.text(name) or "null")
    except ValueError:
        return None


def _in(data: object, *keys: str) -> Any:
    """Return what is in nested mappings under these keys; ``None`` if it is not there."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
