"""Editions: all that differs between one lab and another, as data.

Nothing else in the lab asks which edition it serves; it asks the edition for
channels, names, images and the applications to expect.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import UsageError
from lab.options import Applications

DEFAULT_EDITION = "kubeflow-1.8"
_DIRECTORY = Path(__file__).parent


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Box(_Model):
    """The Vagrant box. Without a name, the bundle's manifest says which."""

    name: str | None
    version: str | None


class Host(_Model):
    """What the VM gets unless ``lab.yaml`` says otherwise, and what the host needs for it."""

    cpus: int = Field(ge=1)
    memory_mib: int = Field(ge=512)
    disk_gib: int = Field(ge=4)
    free_disk_gib: int = Field(ge=1)
    """What a lab that is ready takes of the host's disk."""


class SnapExpectation(_Model):
    """What ``snap list`` has to say of a snap; ``None`` where it does not matter."""

    tracking: str | None = None
    version_prefix: str | None = None


class Expect(_Model):
    """What the status and the acceptance suite look for."""

    debian: str
    snaps: dict[str, SnapExpectation]
    applications: tuple[str, ...] = Field(strict=False)


class Images(_Model):
    """Images for the acceptance suite's own workloads.

    Attributes:
        python: Python with pip, for users' steps, trials and clients within the cluster.
    """

    shell: str
    http: str
    python: str


class Features(_Model):
    """What one release of Kubeflow has and another has not, where the acceptance suite must know.

    Attributes:
        early_stopping: Whether Katib ends a hopeless trial by ``medianstop``.
    """

    early_stopping: bool


class Registry(_Model):
    """A registry that the lab's images come from.

    Attributes:
        serves: What it has, as part of a sentence.
        required: Whether the lab does not get ready without it.
    """

    host: str
    serves: str
    required: bool = True


class ProbeImage(_Model):
    """An image that a charm names in an option and that may have vanished from its registry.

    Attributes:
        image: The option's default, or what the key has in it.
        serves: What it is for, as part of a sentence.
        application: The application whose option names it.
        option: The option by which another image is named.
        key: Where the option's value is YAML: the key in it; an empty value there means the default.
        required: Whether Kubeflow is not worth its name without it.
    """

    image: str
    serves: str
    application: str
    option: str
    key: str | None = None
    required: bool = True


class Edition(_Model):
    """One edition of the lab.

    Attributes:
        name: As given to ``--edition``.
        title: One line for people.
        banner: A word that everything shown to people carries; empty for the real thing.
        source: Where snaps come from: the snap ``store``, or a ``bundle`` directory.
        registries: Where images come from; empty for an offline edition.
        probe_images: Images to ask the registries for before a lab comes up.
        applications: Options of Juju's applications to set after the deployment.
        provision: The ``LAB_*`` environment of the scripts in ``provision/``.
    """

    name: str
    title: str
    banner: str
    source: Literal["store", "bundle"]
    box: Box
    host: Host
    registries: tuple[Registry, ...] = Field(strict=False)
    probe_images: tuple[ProbeImage, ...] = Field(default=(), strict=False)
    applications: Applications = {}
    provision: dict[str, str]
    expect: Expect
    images: Images
    features: Features


def edition_names() -> tuple[str, ...]:
    """Return the names of all editions, in alphabetical order."""
    return tuple(sorted(path.stem for path in _DIRECTORY.glob("*.yaml")))


def load_edition(name: str) -> Edition:
    """Load one edition.

    Raises:
        UsageError: There is none of that name, or its file is not valid.
    """
    import yaml

    names = edition_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"There is no edition named '{name}'.",
            code="LAB-CFG-001",
            hint=f"{guess}Editions: {', '.join(names)}.",
        )
    path = _DIRECTORY / f"{name}.yaml"
    try:
        edition = Edition.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise UsageError(f"The edition file '{path}' is not valid: {error}", code="LAB-CFG-002") from error
    if edition.name != name:
        raise UsageError(f"The edition file '{path}' names itself '{edition.name}'.", code="LAB-CFG-002")
    return edition
