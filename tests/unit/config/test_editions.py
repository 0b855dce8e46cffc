"""Each edition is whole, and what differs between them is data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lab.editions
from lab.editions import DEFAULT_EDITION, edition_names, load_edition
from lab.probes.host.images import Reference, identity

STORE = ("kubeflow-1.10", "kubeflow-1.11", "kubeflow-1.8", "kubeflow-1.9")
UNSAID = ("name", "title", "banner", "source", "LAB_BANNER", "LAB_SNAP_SOURCE")
"""What says itself and comes from nowhere."""


def test_the_editions_there_are() -> None:
    assert edition_names() == (*STORE, "rehearsal")
    assert DEFAULT_EDITION in edition_names()


@pytest.mark.parametrize("name", edition_names())
def test_each_is_whole(name: str) -> None:
    edition = load_edition(name)
    applications = edition.expect.applications
    assert list(applications) == sorted(set(applications))
    assert (edition.source == "bundle") == (edition.box.name is None)
    assert edition.provision["LAB_SNAP_SOURCE"] == edition.source
    assert edition.provision["LAB_BANNER"] == edition.banner


def test_all_editions_set_the_same_variables() -> None:
    variables = [set(load_edition(name).provision) for name in edition_names()]
    assert all(names == variables[0] for names in variables)


def test_the_documented_one() -> None:
    edition = load_edition("kubeflow-1.8")
    assert len(edition.expect.applications) == 38
    assert edition.banner == ""
    assert edition.expect.snaps["microk8s"].tracking == "1.29/stable"


@pytest.mark.parametrize("name", STORE)
def test_the_source_of_each_value_is_named(name: str) -> None:
    """Behind it, or above it and what is below it; within a block also above those it stands with."""
    lines = (Path(lab.editions.__file__).parent / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    level = None  # how far the last comment is indented that still counts
    for number, line in enumerate(lines[2:], start=3):
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("#"):
            level = indent
            continue
        after_comment = lines[number - 2].lstrip().startswith("#")
        if level is not None and (indent < level or (indent == level == 0 and not after_comment)):
            level = None
        key = re.match(r" *(?:- )?\{?([A-Za-z_]+):", line)
        if key and not line.endswith(":") and key[1] not in UNSAID and "#" not in line:
            assert level is not None, f"{name}.yaml, line {number}: where is this from?"


@pytest.mark.parametrize("name", STORE)
def test_channels_are_told_alike_everywhere(name: str) -> None:
    edition = load_edition(name)
    release = name.removeprefix("kubeflow-")
    assert edition.provision["LAB_CHARM_CHANNEL"] == f"{release}/stable"
    for snap, expected in edition.expect.snaps.items():
        channel = edition.provision[f"LAB_{snap.upper()}_CHANNEL"]
        assert expected.tracking == channel
        assert channel.partition("/")[0] in (expected.version_prefix or "")
        assert channel.partition("/")[0] in edition.title
    assert edition.provision["LAB_JUJU_MINIMUM"].startswith(edition.provision["LAB_JUJU_CHANNEL"][:3])


@pytest.mark.parametrize("name", STORE)
def test_applications_of_the_bundle(name: str) -> None:
    """With 1.9 Seldon left the bundle, and the gatekeeper's public-url went (its release notes)."""
    edition = load_edition(name)
    old = name == "kubeflow-1.8"
    assert len(edition.expect.applications) == (38 if old else 37)
    assert ("seldon-controller-manager" in edition.expect.applications) == old
    assert ("oidc-gatekeeper" in edition.provision["LAB_LOGIN_APPS"].split()) == old
    assert bool(edition.provision["LAB_PUBLIC_URL"]) == old


@pytest.mark.parametrize("name", edition_names())
def test_images_to_ask_for(name: str) -> None:
    edition = load_edition(name)
    registries = [registry.host for registry in edition.registries]
    for probe in edition.probe_images:
        assert probe.application in edition.expect.applications
        assert Reference.parse(probe.image).host in registries
    assert len({identity(probe) for probe in edition.probe_images}) == len(edition.probe_images)


def test_the_images_that_pipelines_of_1_8_start_are_asked_for() -> None:
    probes = {identity(probe): probe for probe in load_edition("kubeflow-1.8").probe_images}
    assert [name for name, probe in probes.items() if probe.required] == [
        "kfp-api-launcher-image",
        "kfp-api-driver-image",
    ]
    assert probes["kfp-profile-controller-frontend"].option == "custom_images"


def test_a_rehearsal_says_so() -> None:
    edition = load_edition("rehearsal")
    assert edition.banner == "REHEARSAL"
    stand_ins = Path(__file__).parents[3] / "rehearsal/images/juju/juju_controller/bundle/applications"
    assert sorted(path.stem for path in stand_ins.glob("*.yaml")) == list(edition.expect.applications)
    assert set(edition.expect.applications) < set(load_edition("kubeflow-1.8").expect.applications)
