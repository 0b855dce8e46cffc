"""snapd, kernel limits, MicroK8s, images, access, addons: the steps of the platform."""

from __future__ import annotations

import json
import shutil

import pytest

from .conftest import TEMPFAIL, Guest

# --- 10-snapd -----------------------------------------------------------------------------------


def test_snapd_is_installed_without_questions_and_seeded(guest: Guest) -> None:
    guest.set({"unseeded": "2", "apt-fails": "0"})
    guest.carry_out("10-snapd")
    assert guest.calls("apt-get")[1].endswith("install snapd")
    assert guest.get("snaps/core20").split()[2] == "stable"
    assert guest.get("snaps/snapd")


def test_apt_is_left_alone_when_snapd_is_there(guest: Guest) -> None:
    guest.install("snap")
    guest.carry_out("10-snapd")
    assert not guest.calls("apt-get")


def test_a_failing_mirror_is_worth_another_try(guest: Guest) -> None:
    guest.set({"apt-fails": "1"})
    first = guest.run("10-snapd", "apply")
    assert first.returncode == TEMPFAIL
    assert "::error" in first.stdout
    assert "::hint" in first.stdout
    assert guest.run("10-snapd", "apply").returncode == 0


def test_automatic_refreshes_are_put_off_as_far_as_the_version_can(guest: Guest) -> None:
    guest.install("snap")
    guest.carry_out("10-snapd")
    assert guest.get("hold").startswith("20")  # a date: 2.57 knows no "forever"
    guest.set({"version-snapd": "2.63", "hold": "2020-01-01T00:00:00+00:00"})
    guest.carry_out("10-snapd")
    assert guest.get("hold") == "forever"


def test_snapd_may_restart_while_it_replaces_itself(guest: Guest) -> None:
    guest.install("snap")
    guest.set({"restarting": "1"})
    result = guest.run("10-snapd", "run")
    assert result.returncode == 0, result.stdout
    assert "::waiting attempt 2 of 5" in result.stdout


def test_an_offline_edition_installs_only_the_base_snaps_it_brings(guest: Guest) -> None:
    guest.install("snap")
    guest.set({"bundle-disk": ""})
    guest.settings = {"LAB_SNAP_SOURCE": "bundle"}
    guest.carry_out("10-snapd")
    assert not guest.calls("snap install")


def test_an_offline_edition_without_its_bundle_says_so(guest: Guest) -> None:
    guest.install("snap")
    result = guest.run("10-snapd", "apply", LAB_SNAP_SOURCE="bundle")
    assert result.returncode == 1
    assert "LAB_BUNDLE" in result.stdout


# --- 15-kernel-limits ---------------------------------------------------------------------------


def test_limits_are_in_force_and_persistent(guest: Guest) -> None:
    guest.carry_out("15-kernel-limits")
    assert (
        "fs.inotify.max_user_instances = 1280" in (guest.root / "etc/sysctl.d/99-kubeflow.conf").read_text()
    )


def test_limits_that_are_only_written_do_not_count(guest: Guest) -> None:
    guest.carry_out("15-kernel-limits")
    guest.file("proc/sys/fs/inotify/max_user_watches", "14180")
    assert not guest.satisfied("15-kernel-limits")


# --- 20-microk8s --------------------------------------------------------------------------------


def test_microk8s_is_installed_after_the_delegation(guest: Guest) -> None:
    guest.with_snapd()
    guest.carry_out("20-microk8s")  # the fake refuses an installation without the drop-in
    assert guest.get("snaps/microk8s") == "v1.29.15 1 1.29/stable classic"


def test_a_host_name_that_kubernetes_refuses(guest: Guest) -> None:
    guest.with_snapd()
    for name in ("My-Lab", "my_lab"):
        guest.set({"hostname": name})
        result = guest.run("20-microk8s", "apply")
        assert result.returncode == 1
        assert "host name" in result.stdout
    assert not guest.calls("snap install")


def test_a_guest_without_a_default_route(guest: Guest) -> None:
    guest.with_snapd()
    guest.set({"default-route": ""})
    result = guest.run("20-microk8s", "apply")
    assert result.returncode == 1
    assert "no default route" in result.stdout
    assert not guest.calls("snap install")


def test_another_channel_is_refreshed(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"snaps/microk8s": "v1.28.1 7 1.28/stable classic"})
    guest.carry_out("20-microk8s")
    assert guest.calls("snap refresh") == ["snap refresh microk8s --channel=1.29/stable --classic"]


def test_a_disabled_snap_is_enabled(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"snaps/microk8s": "v1.29.15 1 1.29/stable classic,disabled"})
    guest.carry_out("20-microk8s")
    assert not guest.calls("snap install")


def test_a_broken_snap_is_replaced(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"snaps/microk8s": "v1.29.15 1 1.29/stable classic,broken"})
    result = guest.run("20-microk8s", "run")
    assert result.returncode == 0, result.stdout
    assert guest.calls("snap remove") == ["snap remove --purge microk8s"]
    assert guest.satisfied("20-microk8s")


def test_a_conflict_is_worth_another_try(guest: Guest) -> None:
    guest.with_snapd()
    guest.set({"conflict": "1"})
    assert guest.run("20-microk8s", "apply").returncode == TEMPFAIL
    assert guest.run("20-microk8s", "apply").returncode == 0


def test_an_unreachable_store_is_worth_another_try(guest: Guest) -> None:
    guest.with_snapd()
    guest.set({"no-store": "2"})
    result = guest.run("20-microk8s", "run")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("unable to contact snap store") >= 2


def test_a_channel_that_does_not_exist_is_final(guest: Guest) -> None:
    guest.with_snapd()
    guest.set({"not-available-microk8s": ""})
    result = guest.run("20-microk8s", "run")
    assert result.returncode == 1
    assert "not available on channel" in result.stdout
    assert len(guest.calls("snap install")) == 1


def test_an_installation_whose_client_was_killed_is_awaited(guest: Guest) -> None:
    guest.with_snapd()
    guest.set(
        {"changes": '7  Doing  today  -  Install "microk8s" snap', "meanwhile": 'rm -f "$FAKE/changes"'}
    )
    guest.carry_out("20-microk8s")
    assert int(guest.get("sleeps")) >= 1


def test_the_endless_registration_of_the_device_is_not_awaited(guest: Guest) -> None:
    guest.with_snapd()
    guest.set({"changes": "1  Doing  today  -  Initialize device"})
    guest.carry_out("20-microk8s")


def test_a_stopped_microk8s_is_started_although_its_status_is_0(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"microk8s": "stopped"})
    guest.carry_out("20-microk8s")
    assert guest.calls("microk8s start")


def test_not_ready_yet_is_awaited(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"microk8s": "starting", "meanwhile": 'echo running >"$FAKE/microk8s"'})
    guest.carry_out("20-microk8s")


def test_from_a_bundle_with_and_without_assertions(guest: Guest) -> None:
    guest.with_snapd()
    guest.settings = {"LAB_SNAP_SOURCE": "bundle", "LAB_CLASSIC_SNAPS": "microk8s"}
    guest.set({"bundle-disk": ""})
    guest.file("run/kubeflow-lab/bundle/snaps/microk8s.snap", "")
    guest.carry_out("20-microk8s")
    assert "--dangerous" in guest.calls("snap install")[0]
    shutil.rmtree(guest.fake / "snaps" / "microk8s", ignore_errors=True)
    (guest.fake / "snaps/microk8s").unlink()
    guest.file("run/kubeflow-lab/bundle/snaps/microk8s.assert", "")
    guest.carry_out("20-microk8s")
    assert "--dangerous" not in guest.calls("snap install")[1]


# --- 25-images ----------------------------------------------------------------------------------

MANIFEST = {
    "images": [
        {"file": "images/pause.tar", "refs": ["lab/pause:1"]},
        {"file": "images/tools.tar", "refs": ["busybox:1", "ghcr.io/x/y:2"]},
    ]
}


def with_images(guest: Guest) -> None:
    guest.with_microk8s()
    guest.settings = {"LAB_SNAP_SOURCE": "bundle"}
    guest.set({"bundle-disk": "", "images": "docker.io/other/thing:1"})
    guest.file("run/kubeflow-lab/bundle/manifest.json", json.dumps(MANIFEST))
    for name in ("pause", "tools"):
        guest.file(f"run/kubeflow-lab/bundle/images/{name}.tar", "")


def test_images_are_imported_once(guest: Guest) -> None:
    with_images(guest)
    output = guest.carry_out("25-images")
    assert "::progress 2/2" in output
    guest.run("25-images", "apply")
    assert len(guest.calls("microk8s images import")) == 2


def test_the_images_are_checked_without_the_bundle(guest: Guest) -> None:
    with_images(guest)
    guest.carry_out("25-images")
    guest.file("proc/self/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw")
    assert guest.satisfied("25-images")
    guest.set({"images": "docker.io/lab/pause:1"})
    assert not guest.satisfied("25-images")


def test_a_failed_import_is_noticed_and_done_another_way(guest: Guest) -> None:
    with_images(guest)
    guest.set(
        {"import-fails": "", "refs": "docker.io/lab/pause:1\ndocker.io/library/busybox:1\nghcr.io/x/y:2"}
    )
    guest.carry_out("25-images")
    assert guest.calls("microk8s ctr images import")


def test_an_import_that_left_something_packed_is_done_again(guest: Guest) -> None:
    with_images(guest)
    names = "docker.io/lab/pause:1\ndocker.io/library/busybox:1\nghcr.io/x/y:2"
    guest.set({"images": names, "packed": "ghcr.io/x/y:2"})
    guest.carry_out("25-images")
    (again,) = guest.calls("microk8s images import")
    assert again.endswith("/tools.tar")
    assert not (guest.fake / "packed").exists()


def test_an_import_that_is_cut_short_is_done_another_way(guest: Guest) -> None:
    with_images(guest)
    guest.set({"cut-short": "ghcr.io/x/y:2", "refs": ""})
    result = guest.run("25-images", "apply")
    assert result.returncode == TEMPFAIL
    assert "tools.tar was not imported" in result.stdout
    assert guest.calls("microk8s ctr images import")
    assert not guest.satisfied("25-images")


def test_an_import_that_fails_in_every_way_is_reported(guest: Guest) -> None:
    with_images(guest)
    guest.set({"import-fails": "", "refs": "docker.io/other/thing:2"})
    result = guest.run("25-images", "apply")
    assert result.returncode == TEMPFAIL
    assert "pause.tar was not imported" in result.stdout


def test_a_store_edition_has_no_images_to_load(guest: Guest) -> None:
    assert guest.satisfied("25-images")


# --- 30-access ----------------------------------------------------------------------------------


def test_access_works_in_a_session_that_is_older_than_the_group(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"groups-of-user": "lab sudo", "groups-of-session": "lab sudo"})
    guest.carry_out("30-access")
    assert guest.calls("sg microk8s")
    assert (guest.home / ".kube").stat().st_mode & 0o777 == 0o700


def test_access_needs_the_group_first(guest: Guest) -> None:
    result = guest.run("30-access", "apply")
    assert result.returncode == 1
    assert "no group microk8s" in result.stdout


# --- 40-addons ----------------------------------------------------------------------------------


def test_addons_one_at_a_time_and_rbac_last(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"objects-come-late": "1", "api-still-open": "2"})
    guest.carry_out("40-addons", LAB_ADDONS="rbac dns hostpath-storage ingress metallb")
    enabled = [call.split()[2] for call in guest.calls("microk8s enable")]
    assert enabled == ["dns", "hostpath-storage", "ingress", "metallb:10.64.140.43-10.64.140.49", "rbac"]


def test_addons_that_work_are_left_alone(guest: Guest) -> None:
    guest.with_addons()
    (guest.fake / "addons/ingress").unlink()
    guest.carry_out("40-addons")
    assert guest.calls("microk8s enable") == ["microk8s enable ingress"]


def test_an_addon_that_is_enabled_but_broken_is_renewed(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"addons/dns": "broken"})
    guest.carry_out("40-addons")
    assert guest.calls("microk8s disable") == ["microk8s disable dns"]
    assert guest.get("noted-disable-dns").strip() == "dns"


def test_storage_is_mended_without_touching_its_data(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"addons/hostpath-storage": "broken"})
    guest.carry_out("40-addons")  # the fake refuses to disable it
    assert guest.calls("microk8s kubectl -n kube-system delete deployment/hostpath-provisioner")
    assert guest.calls("microk8s enable")[-1] == "microk8s enable hostpath-storage"


@pytest.mark.parametrize("addon", ["dns", "hostpath-storage", "ingress", "metallb"])
def test_an_addon_whose_enabling_was_cut_short_is_enabled_from_the_start(guest: Guest, addon: str) -> None:
    guest.with_microk8s()
    guest.carry_out("40-addons")
    noted = guest.get(f"noted-enable-{addon}")
    assert noted.strip() == addon
    # Its pods run, and nobody sees what is missing.
    note = guest.lab / "state/enabling"
    assert not note.exists()
    note.write_text(noted)
    before = len(guest.calls("microk8s enable"))
    output = guest.carry_out("40-addons")
    assert f"{addon} was being enabled when that was cut short" in output
    (again,) = guest.calls("microk8s enable")[before:]
    assert again.startswith(f"microk8s enable {addon}")


def test_metallb_without_addresses_is_enabled_from_the_start(guest: Guest) -> None:
    guest.with_addons()
    (guest.fake / "pool").unlink()
    guest.carry_out("40-addons")
    assert guest.calls("microk8s disable") == ["microk8s disable metallb"]
    assert guest.get("pool").strip() == "10.64.140.43-10.64.140.49"


def test_an_addon_that_stays_broken_shows_its_pods(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"addons/ingress": "broken", "comes-up-broken-ingress": ""})
    result = guest.run("40-addons", "apply")
    assert result.returncode == TEMPFAIL
    assert "pods of ingress" in result.stdout
    assert "::error The addon ingress does not get ready" in result.stdout


def test_a_misspelt_addon_is_named(guest: Guest) -> None:
    guest.with_microk8s()
    result = guest.run("40-addons", "apply", LAB_ADDONS="dns ingres")
    assert result.returncode == 1
    assert "ingres" in result.stdout


def test_the_address_range_can_be_changed_later(guest: Guest) -> None:
    guest.with_addons()
    guest.carry_out("40-addons", LAB_METALLB_RANGE="10.64.140.43-10.64.140.49,10.0.9.0/28")
    assert guest.get("pool") == "10.64.140.43-10.64.140.49 10.0.9.0/28"
    assert not guest.calls("microk8s enable")


def test_addons_wait_for_the_api_server_after_a_reboot(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"microk8s": "starting"})
    assert not guest.satisfied("40-addons")
