"""Each edition is whole, and what differs between them is data."""

from __future__ import annotations

import pytest

from lab.editions import DEFAULT_EDITION, edition_names, load_edition


def test_the_editions_there_are() -> None:
    assert edition_names() == ("kubeflow-1.8", "rehearsal")
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


def test_a_rehearsal_says_so() -> None:
    edition = load_edition("rehearsal")
    assert edition.banner == "REHEARSAL"
    assert len(edition.expect.applications) == 14
    assert set(edition.expect.applications) < set(load_edition("kubeflow-1.8").expect.applications)
