"""What is looked at before a lab comes up, and what stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.errors import HostError, NetworkError
from lab.plan import preflight
from lab.plan.login import guest_network
from lab.probes.host.examine import Check
from lab.probes.host.finding import COMPUTER, DISK, NETWORK, PORTS, Report
from lab.probes.host.web import Answer

OK = COMPUTER.ok("memory", "8.0 GiB")
SLOW = COMPUTER.warning("acceleration", "emulation", "Buy one.")
TAKEN = PORTS.failure("port-ssh", "Port 22 is taken", "Free it.", code="LAB-HOST-129")
NO_STORE = NETWORK.failure("snap-store", "No store", "--edition rehearsal", code="LAB-NET-001")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Replace the looking; return the checks that would have been made."""
    found: list[str] = []
    monkeypatch.setattr(preflight, "debian_archive", lambda *_: "http://mirror.example/debian")

    def examine(checks: Sequence[Check]) -> Report:
        found.extend(check.id for check in checks)
        return Report((OK,))

    monkeypatch.setattr(preflight, "examine", examine)
    return lambda: found


def settings(root: Path, edition: str, **environ: str) -> Settings:
    return load_settings(root, overrides={"edition": edition}, environ=environ)


def test_a_lab_that_runs_is_not_looked_at(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    assert preflight.preflight(settings(tmp_path, "kubeflow-1.8"), "running").findings == ()
    assert looked() == []


def test_a_lab_that_is_off_needs_no_store(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    preflight.preflight(settings(tmp_path, "kubeflow-1.8"), "shutoff")
    assert {"home", "memory", "disk", "ports", "libvirt"} <= set(looked())
    assert not {"snap-store", "dns"} & set(looked())


def test_a_new_lab_needs_everything(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    preflight.preflight(settings(tmp_path, "kubeflow-1.8"), "not_created")
    assert {
        "snap-store",
        "charmhub",
        "debian-archive",
        "box",
        "registry-1.docker.io",
        "quay.io",
        "kfp-api-launcher-image",
        "kfp-profile-controller-frontend",
        "clock",
        "proxy",
    } <= set(looked())
    assert len(looked()) == len(set(looked()))


def test_a_lab_from_a_box_needs_no_store(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    lab = settings(tmp_path, "kubeflow-1.8", LAB_BOX="lesson.box")
    preflight.preflight(lab, "not_created")
    assert {"memory", "disk", "baked-box"} <= set(looked())
    assert not {"snap-store", "charmhub", "box", "dns"} & set(looked())


def test_once_there_is_a_machine_its_box_does_not_matter(
    tmp_path: Path, looked: Callable[[], list[str]]
) -> None:
    lab = settings(tmp_path, "kubeflow-1.8", LAB_BOX="lesson.box")
    preflight.preflight(lab, "shutoff")
    preflight.doctor(lab, "running")
    assert "baked-box" not in looked()
    assert "snap-store" in looked(), "for the next one"
    looked().clear()
    preflight.doctor(lab, "not_created")
    assert "baked-box" in looked()
    assert "snap-store" not in looked()


def test_an_image_that_a_setting_names_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(url: str, **_: object) -> Answer:
        asked.append(url)
        return Answer(200, {}, b"", 0.0)

    monkeypatch.setattr("lab.probes.host.web.client", lambda *_: fetch)
    options = '{"kfp-api": {"launcher-image": "mirror.example/launcher:1"}}'
    checks = {
        check.id: check
        for check in preflight._internet(settings(tmp_path, "kubeflow-1.8", LAB_APPLICATIONS=options))
    }
    for name in ("kfp-api-launcher-image", "kfp-api-driver-image"):
        [finding] = checks[name].look()
        assert finding.level == "ok"
    assert asked[0] == "https://mirror.example/v2/launcher/manifests/1"
    assert asked[1].startswith("https://gcr.io/v2/ml-pipeline/kfp-driver/manifests/sha256:")


def test_services_are_asked_as_the_guest_will(tmp_path: Path) -> None:
    lab = settings(
        tmp_path,
        "kubeflow-1.8",
        LAB_NETWORK_PROXY_HTTPS="http://me:secret@127.0.0.1:3128",
        LAB_NETWORK_PROXY_APT="http://cache.example:3142",
        LAB_NETWORK_PROXY_HTTP="none",
    )
    assert preflight._proxies(guest_network(lab)) == {
        "http": "http://cache.example:3142",
        "https": "http://me:secret@127.0.0.1:3128",
    }


def test_an_offline_edition_asks_nobody(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    preflight.preflight(settings(tmp_path, "rehearsal"), "not_created")
    assert not {"snap-store", "dns", "clock", "proxy"} & set(looked())
    assert "bundle" not in looked(), "up compares its sums itself"


def test_the_doctor_looks_at_the_bundle(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    preflight.doctor(settings(tmp_path, "rehearsal"), "running")
    assert "bundle" in looked()


def test_virtualbox_needs_no_libvirt(tmp_path: Path, looked: Callable[[], list[str]]) -> None:
    preflight.doctor(settings(tmp_path, "rehearsal", LAB_PROVIDER="virtualbox"), "not_created")
    assert "virtualbox" in looked()
    assert not {"libvirt", "sockets", "acceleration", "qemu"} & set(looked())


def test_warnings_are_told() -> None:
    told: list[str] = []
    preflight.stop_on(Report((OK, SLOW)), force=False, tell=told.append)
    assert told == ["Warning: acceleration: emulation."]


def test_a_failure_stops() -> None:
    told: list[str] = []
    with pytest.raises(HostError) as caught:
        preflight.stop_on(Report((OK, SLOW, TAKEN)), force=False, tell=told.append)
    assert (caught.value.code, caught.value.hint) == ("LAB-HOST-129", "Free it.")
    [line] = told
    assert "python -m lab doctor" in line
    assert "--force" in line


def test_without_a_store_the_other_edition_is_named_first() -> None:
    told: list[str] = []
    full = DISK.failure("disk-images", "No room", "Make some.", code="LAB-HOST-122")
    with pytest.raises(NetworkError) as caught:
        preflight.stop_on(Report((full, TAKEN, NO_STORE)), force=False, tell=told.append)
    assert "--edition rehearsal" in caught.value.hint
    assert told[:2] == ["LAB-HOST-122: No room.", "LAB-HOST-129: Port 22 is taken."]


def test_force_goes_on_and_says_what_it_ignores() -> None:
    told: list[str] = []
    preflight.stop_on(Report((SLOW, TAKEN)), force=True, tell=told.append)
    assert told == [
        "Ignored (--force): LAB-HOST-129: Port 22 is taken.",
        "Warning: acceleration: emulation.",
    ]
