"""The registries that images come from, and what Docker Hub still lets this address have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lab.editions import Registry
from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import Answer, Fetch, NoAnswer

TOKEN = "https://auth.docker.io/token?service=registry.docker.io&scope=repository:ratelimitpreview/test:pull"  # noqa: S105
# Asked for with HEAD, which does not count as a pull.
PREVIEW = "https://registry-1.docker.io/v2/ratelimitpreview/test/manifests/latest"
ENOUGH = 50
"""Pulls that a lab is unlikely to need more of; the most of its images come from elsewhere."""
TOO_MANY = 429


def registry(registry: Registry, fetch: Fetch) -> Iterator[Finding]:
    """Ask a registry whether it is one."""
    try:
        answer = fetch(f"https://{registry.host}/v2/")
        if answer.status != TOO_MANY and not _is_registry(answer):
            what = "something else answered in its place" if answer.status in (200, 401) else "it refuses"
            raise NoAnswer(f"{what} (HTTP status {answer.status})")
    except NoAnswer as error:
        found = f"The registry {registry.host} ({registry.serves}) cannot be reached: {error.reason}"
        advice = f"{error.advice} With a mirror in its place: python -m lab up --force"
        if registry.required:
            yield NETWORK.failure(registry.host, found, advice, code="LAB-NET-005")
        else:
            yield NETWORK.warning(registry.host, found, error.advice)
        return
    yield NETWORK.ok(registry.host, f"{registry.host} answers ({registry.serves})")


def docker_hub(fetch: Fetch) -> Iterator[Finding]:
    """Ask Docker Hub how many pulls it still allows without an account.

    All computers behind one address share them. Nothing is said here if it does not answer: that is the
    finding about the registry.
    """
    try:
        token = json.loads(fetch(TOKEN).body)["token"]
        answer = fetch(PREVIEW, headers={"Authorization": f"Bearer {token}"}, method="HEAD")
    except (NoAnswer, ValueError, KeyError, TypeError):
        return
    left = re.match(r"(\d+)(?:;w=(\d+))?", answer.headers.get("ratelimit-remaining", ""))
    limit = re.match(r"\d+", answer.headers.get("ratelimit-limit", ""))
    if answer.status != TOO_MANY and left is None:
        yield NETWORK.ok("docker-hub-pulls", "Docker Hub names no limit for this address")
        return
    count = 0 if left is None or answer.status == TOO_MANY else int(left[1])
    hours = f" in {int(left[2]) / 3600:.0f} h" if left and left[2] else ""
    found = (
        f"Docker Hub allows {count} more pulls{f' of {limit[0]}' if limit else ''}{hours} from this address"
    )
    cure = "All computers behind the same address share them: wait, use another network, or a mirror."
    if count == 0:
        yield NETWORK.failure("docker-hub-pulls", found, cure, code="LAB-NET-006")
    elif count < ENOUGH:
        yield NETWORK.warning("docker-hub-pulls", found, cure)
    else:
        yield NETWORK.ok("docker-hub-pulls", found)


def _is_registry(answer: Answer) -> bool:
    """Whether an answer to `/v2/` is a registry's; a login page has status 200, too."""
    named = answer.headers.get("docker-distribution-api-version", "").startswith("registry/2")
    asks = answer.headers.get("www-authenticate", "").lower().startswith(("bearer realm=", "basic realm="))
    return (answer.status == 200 and named) or (answer.status == 401 and (named or asks))
