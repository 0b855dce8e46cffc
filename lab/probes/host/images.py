"""Single images that charms name in their options, and that may have vanished from their registry.

The registry is asked for the manifest with HEAD, by the protocol that container runtimes use (the OCI
distribution specification). Where it wants a token, it names who gives one in its 401. Nothing is pulled.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lab.editions import ProbeImage
from lab.options import OptionValue
from lab.probes.host.finding import NETWORK, Finding
from lab.probes.host.web import Answer, Fetch, NoAnswer

SECONDS = 4.0
"""For each of the up to three questions about an image."""
GONE = (401, 403, 404, 410)
"""What a registry answers if it does not have an image, or does not give it to anybody."""
_HUB, _HUB_API = "docker.io", "registry-1.docker.io"
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    )
)
_REFERENCE = re.compile(
    r"(?P<name>(?:[a-z0-9._-]+(?::[0-9]+)?/)?[a-z0-9._-]+(?:/[a-z0-9._-]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?"
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Reference:
    """An image as a registry knows it.

    Attributes:
        host: The registry's host, with its port if it has one.
        repository: The name there.
        version: Its digest if it has one, else its tag.
    """

    host: str
    repository: str
    version: str

    @classmethod
    def parse(cls, image: str) -> Reference:
        """Read the name of an image; what it lacks is as container runtimes complete it.

        Raises:
            ValueError: It is none.
        """
        match = _REFERENCE.fullmatch(image.strip())
        if match is None:
            raise ValueError(f"'{image}' is no name of an image")
        first, slash, rest = match["name"].partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, repository = first, rest
        else:
            host, repository = _HUB, match["name"]
        if host == _HUB and "/" not in repository:
            repository = f"library/{repository}"
        host = _HUB_API if host == _HUB else host
        return cls(host, repository, match["digest"] or match["tag"] or "latest")

    @property
    def url(self) -> str:
        """Where its manifest is."""
        return f"https://{self.host}/v2/{self.repository}/manifests/{self.version}"


def identity(probe: ProbeImage) -> str:
    """Return what the finding about an image is called: the same whatever image the option names."""
    return f"{probe.application}-{probe.key or probe.option}".replace("_", "-")


def image(
    probe: ProbeImage,
    applications: Mapping[str, Mapping[str, OptionValue]],
    fetch: Fetch,
    asked: Collection[str] = (),
) -> Iterator[Finding]:
    """Ask a registry whether it still has an image.

    Args:
        probe: The image.
        applications: Options that the lab sets; the image that one of them names is asked for instead.
        fetch: Asks a web service.
        asked: Registries of which another finding says whether they answer; nothing more is said of those.
    """
    name = identity(probe)
    try:
        chosen = _override(probe, applications)
        wanted = chosen or probe.image
        reference = Reference.parse(wanted)
    except ValueError as error:
        found = f"The option {probe.option} of {probe.application} is not as it should be: {error}"
        yield NETWORK.failure(name, found, _override_advice(probe), code="LAB-NET-010")
        return
    try:
        answer = _manifest(reference, fetch)
    except NoAnswer as error:
        found = f"Whether {wanted} ({probe.serves}) is there cannot be told: {reference.host}: {error.reason}"
        if reference.host not in asked:
            yield NETWORK.warning(name, found, f"{error.advice} The VM alone may reach it.")
        return
    if answer.status == 200:
        whose = f", by the option {probe.option} of {probe.application}" if chosen else ""
        yield NETWORK.ok(name, f"{wanted} is there ({probe.serves}{whose})")
    elif answer.status in GONE:
        said = f"{reference.host} answers with HTTP status {answer.status}"
        found = f"{wanted} ({probe.serves}) is not to be had: {said}"
        if probe.required:
            yield NETWORK.failure(name, found, _override_advice(probe), code="LAB-NET-010")
        else:
            yield NETWORK.warning(name, found, _override_advice(probe))
    else:
        found = f"Whether {wanted} ({probe.serves}) is there cannot be told: HTTP status {answer.status}"
        yield NETWORK.warning(name, found, "The registry may be busy: python -m lab doctor asks again.")


def _manifest(reference: Reference, fetch: Fetch) -> Answer:
    """Ask for a manifest, with a token for nobody in particular where the registry wants one.

    Raises:
        NoAnswer: The registry, or who gives its tokens, did not answer.
    """
    headers = {"Accept": _MANIFESTS}
    answer = fetch(reference.url, headers=headers, method="HEAD", timeout=SECONDS)
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status != 401 or not challenge.lower().startswith("bearer "):
        return answer
    asked = dict(_PARAMETER.findall(challenge))
    realm = asked.pop("realm", "")
    if not realm.startswith("https://"):
        raise NoAnswer("it names nobody who gives tokens")
    asked.setdefault("scope", f"repository:{reference.repository}:pull")
    given = fetch(f"{realm}?{urllib.parse.urlencode(asked)}", timeout=SECONDS)
    if given.status in GONE:
        # Of a repository that it does not have, a registry may refuse the token already.
        return given
    try:
        said = json.loads(given.body)
        token = said.get("token") or said["access_token"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoAnswer(f"it gives no token (HTTP status {given.status})") from None
    return fetch(
        reference.url,
        headers={**headers, "Authorization": f"Bearer {token}"},
        method="HEAD",
        timeout=SECONDS,
    )


def _override(probe: ProbeImage, applications: Mapping[str, Mapping[str, OptionValue]]) -> str:
    """Return the image that a setting names; "" if none does.

    Raises:
        ValueError: The option's value is not what the charm reads.
    """
    value = applications.get(probe.application, {}).get(probe.option)
    if value is None or probe.key is None:
        return str(value or "")
    import yaml

    try:
        images = yaml.safe_load(str(value))
    except yaml.YAMLError as error:
        raise ValueError("it is not YAML") from error
    if not isinstance(images, dict):
        raise ValueError("it must be images by name, as YAML or JSON")
    return str(images.get(probe.key) or "")


def _override_advice(probe: ProbeImage) -> str:
    value = "IMAGE" if probe.key is None else f'"{probe.key}: IMAGE"'
    return (
        f"Name another image by the option {probe.option} of {probe.application}; in lab.yaml: "
        f"applications: {{{probe.application}: {{{probe.option}: {value}}}}}. "
        f"docs/editions.md tells where to get one. To go on without: python -m lab up --force"
    )
