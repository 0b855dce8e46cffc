"""Juju, the cloud, the controller and the model."""

from __future__ import annotations

from .conftest import Guest

# --- 50-juju ------------------------------------------------------------------------------------


def test_juju_is_installed_strictly_confined(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"connections": "dot-kubernetes  juju:dot-kubernetes  -  -\nhome  juju:home  :home  -"})
    guest.carry_out("50-juju")
    assert guest.calls("snap install") == ["snap install juju --channel=3.4/stable"]
    assert guest.calls("snap connect ") == ["snap connect juju:dot-kubernetes"]


def test_an_edition_may_need_it_classic(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"bundle-disk": ""})
    guest.file("run/kubeflow-lab/bundle/snaps/juju.snap", "")
    guest.carry_out("50-juju", LAB_SNAP_SOURCE="bundle", LAB_CLASSIC_SNAPS="microk8s juju")
    assert guest.calls("snap install")[0].endswith("juju.snap --classic")


def test_a_juju_that_the_charms_refuse(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"version-juju": "3.4.2"})
    result = guest.run("50-juju", "run")
    assert result.returncode == 1
    assert "older than 3.4.3" in result.stdout


# --- 55-kubeconfig ------------------------------------------------------------------------------


def test_the_kubeconfig_is_for_its_owner_only(guest: Guest) -> None:
    guest.with_addons()
    guest.carry_out("55-kubeconfig")
    assert (guest.home / ".kube/config").stat().st_mode & 0o777 == 0o600


def test_a_new_address_makes_the_kubeconfig_out_of_date(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"address": "192.168.121.77"})
    guest.carry_out("55-kubeconfig")


def test_without_a_default_route_the_guest_uses_its_own_address(guest: Guest) -> None:
    guest.with_addons()
    guest.set({"address": "none"})
    guest.carry_out("55-kubeconfig")
    assert "https://127.0.0.1:16443" in (guest.home / ".kube/config").read_text()


# --- 60-cloud -----------------------------------------------------------------------------------


def test_the_cloud_is_added_once(guest: Guest) -> None:
    guest.with_juju()
    guest.carry_out("60-cloud")  # the fake refuses an open standard input
    guest.run("60-cloud", "apply")
    assert len(guest.calls("juju add-k8s")) == 1


def test_the_cloud_of_another_cluster_is_replaced(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"cluster-id": "cluster-2"})
    guest.carry_out("60-cloud")
    assert guest.calls("juju remove-cloud")


def test_a_cloud_whose_addition_was_cut_short_is_added_again(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"clouds/my-k8s": "yes"})
    guest.carry_out("60-cloud")


def test_no_storage_is_final(guest: Guest) -> None:
    guest.with_juju()
    (guest.fake / "addons/hostpath-storage").unlink()
    result = guest.run("60-cloud", "run")
    assert result.returncode == 1
    assert "hostpath-storage" in result.stdout


# --- 65-controller ------------------------------------------------------------------------------


def test_bootstrap_shows_its_progress(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"clouds/my-k8s": "yes"})
    output = guest.carry_out("65-controller")
    assert 'Creating Juju controller "uk8sx"' in output


def test_a_failed_bootstrap_is_cleaned_up_and_tried_again(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"clouds/my-k8s": "yes", "bootstrap-fails": "1"})
    result = guest.run("65-controller", "run")
    assert result.returncode == 0, result.stdout
    assert "timed out waiting for controller pod" in result.stdout
    assert guest.calls("juju kill-controller")


def test_a_half_started_controller_goes(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"controllers/uk8sx": "half"})
    guest.remember("bootstrapping", "yes")
    guest.carry_out("65-controller")
    assert guest.calls("juju kill-controller")


def test_a_controller_that_was_started_but_not_noted_stays(guest: Guest) -> None:
    guest.with_controller()
    guest.remember("bootstrapping", "yes")
    assert guest.run("65-controller", "apply").returncode == 0
    assert not guest.calls("juju bootstrap")


def test_a_namespace_without_a_client_goes(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"namespaces/controller-uk8sx": "uid-old", "namespaces/kubeflow": "uid-old"})
    guest.carry_out("65-controller")
    assert len(guest.calls("microk8s kubectl delete namespace")) == 2


def test_a_client_without_its_cluster_forgets(guest: Guest) -> None:
    guest.with_controller()
    (guest.fake / "namespaces/controller-uk8sx").unlink()
    guest.set({"controllers/uk8sx": "half"})
    guest.carry_out("65-controller")
    assert guest.calls("juju unregister")


def test_a_complete_controller_is_awaited_never_thrown_away(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"controllers/uk8sx": "down", "meanwhile": 'echo works >"$FAKE/controllers/uk8sx"'})
    guest.carry_out("65-controller")
    assert not guest.calls("juju bootstrap")
    assert not guest.calls("juju kill-controller")


def test_an_old_controller_is_final(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"version-controller": "3.4.2"})
    assert not guest.satisfied("65-controller")
    result = guest.run("65-controller", "ready")
    assert result.returncode == 1
    assert "older than 3.4.3" in result.stdout


# --- 70-model -----------------------------------------------------------------------------------


def test_the_model_is_added_once(guest: Guest) -> None:
    guest.with_controller()
    guest.carry_out("70-model")
    guest.run("70-model", "apply")
    assert len(guest.calls("juju add-model")) == 1


def test_a_model_that_is_being_destroyed_is_awaited(guest: Guest) -> None:
    guest.with_model()
    guest.set({"life": "dying", "phase-kubeflow": "Terminating"})
    guest.set({"meanwhile": 'rm -f "$FAKE/model" "$FAKE/namespaces/kubeflow"'})
    guest.carry_out("70-model")


def test_a_foreign_namespace_of_that_name_is_left_to_its_owner(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"namespaces/kubeflow": "uid-foreign", "phase-kubeflow": "Active"})
    result = guest.run("70-model", "run")
    assert result.returncode == 1
    assert "kubectl delete namespace kubeflow" in result.stdout
    assert not guest.calls("microk8s kubectl delete")


def test_a_controller_that_does_not_answer_means_try_again(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"controller-away": "1"})
    assert not guest.satisfied("70-model")
    assert guest.run("70-model", "run").returncode == 0
