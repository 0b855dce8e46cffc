"""The applications' way to active and back, on a fake cluster and a fake clock."""

from __future__ import annotations

import json

from rehearsal import images

from .conftest import APPLICATIONS, Lab


def test_nothing_moves_until_the_real_pods_are_ready(lab: Lab) -> None:
    lab.deploy()
    lab.run(300)
    assert set(lab.currents().values()) == {"waiting"}
    unit = lab.status()["minio"]["units"]["minio/0"]
    assert unit["juju-status"]["current"] == "allocating"
    assert unit["workload-status"]["message"] == "installing agent"


def test_without_configuration_the_login_applications_wait_and_oidc_is_blocked(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.run(60)
    shown = {name: entry["application-status"] for name, entry in lab.status().items()}
    assert (shown["oidc-gatekeeper"]["current"], shown["oidc-gatekeeper"]["message"]) == (
        "blocked",
        "public-url config required",
    )
    waiting = {name for name, entry in shown.items() if entry["current"] == "waiting"}
    assert waiting == {"dex-auth", "istio-pilot", "istio-ingressgateway"}
    assert sum(entry["current"] == "active" for entry in shown.values()) == APPLICATIONS - 4


def test_one_public_url_is_not_enough(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.keeper.config_set("kubeflow", "oidc-gatekeeper", {"public-url": "http://x"})
    lab.run(60)
    assert lab.currents()["oidc-gatekeeper"] == "blocked"


def test_all_become_active_within_the_budget_with_transient_errors_on_the_way(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    seen = lab.run(30)
    assert set(lab.currents().values()) == {"active"}
    errors = {(name, message) for name, current, message in seen if current == "error"}
    assert errors == {
        ("kfp-api", 'hook failed: "config-changed"'),
        ("kubeflow-profiles", 'hook failed: "install"'),
    }
    assert ("kfp-api", "maintenance", "Reconciling charm") in seen
    assert ("kubeflow-dashboard", "waiting", "Waiting for kubeflow-profiles relation data") in seen


def test_a_fault_holds_an_application_in_error_until_it_is_taken_away(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.cluster.failing["minio"] = "update-status"
    lab.run(60)
    shown = lab.status()["minio"]["application-status"]
    assert (shown["current"], shown["message"]) == ("error", 'hook failed: "update-status"')
    lab.cluster.failing.clear()
    lab.run(60)
    assert set(lab.currents().values()) == {"active"}


def test_istio_waits_for_an_address_of_the_load_balancer(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.cluster.addresses = {}
    lab.configure()
    lab.run(60)
    assert lab.status()["istio-pilot"]["application-status"]["message"] == "Waiting for gateway address"
    lab.cluster.addresses = {"istio-ingressgateway-workload": "10.64.140.43"}
    lab.run(5)
    assert set(lab.currents().values()) == {"active"}


def test_a_lost_pod_takes_the_application_and_its_dependants_back_until_it_is_ready_again(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.run(60)
    before = lab.status()["kfp-db"]["application-status"]["since"]
    lab.cluster.ready["kubeflow", "kfp-db"] = False
    lab.run(5)
    unit = lab.status()["kfp-db"]["units"]["kfp-db/0"]
    assert unit["juju-status"]["current"] == "lost"
    assert unit["workload-status"]["current"] == "unknown"
    assert lab.currents()["kfp-db"] == lab.currents()["kfp-api"] == "waiting"
    lab.cluster.ready["kubeflow", "kfp-db"] = True
    seen = lab.run(10)
    assert ("kfp-db", "maintenance", "Starting the workload") in seen
    assert set(lab.currents().values()) == {"active"}
    assert lab.status()["kfp-db"]["application-status"]["since"] > before


def test_since_does_not_move_while_nothing_changes(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.run(60)
    before = lab.status()
    saves = lab.cluster.saves
    lab.run(600)
    assert lab.status() == before
    assert lab.cluster.saves == saves


def test_a_restarted_controller_goes_on_where_it_was(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.run(3)
    halfway = lab.status()
    lab.restart()
    assert lab.status() == halfway
    lab.run(60)
    assert set(lab.currents().values()) == {"active"}


def test_a_changed_option_makes_the_charm_run_its_hook(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.cluster.all_ready()
    lab.configure()
    lab.run(60)
    assert lab.keeper.config_set("kubeflow", "minio", {"port": "9001"}) == []
    assert ("minio", "maintenance", "Configuring the workload") in lab.run(10)
    assert lab.keeper.config_set("kubeflow", "minio", {"port": "9001"}) == ["port"]
    assert ("minio", "maintenance", "Configuring the workload") not in lab.run(10)


def test_a_model_being_destroyed_is_forgotten_when_its_namespace_is_gone(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    lab.keeper.destroy_model("kubeflow")
    lab.keeper.tick()
    assert lab.cluster.saved == {}
    assert [model["short-name"] for model in lab.keeper.models()] == ["controller"]


def test_what_is_saved_is_json(lab: Lab) -> None:
    lab.deploy()
    assert len(json.loads(lab.cluster.saved["kubeflow"])["applications"]) == APPLICATIONS


def test_only_a_few_pods_start_at_the_same_time() -> None:
    lab = Lab(at_once=4)
    lab.deploy()
    lab.run(1)
    assert len(lab.cluster.ready) == 4
    lab.cluster.all_ready()
    lab.run(1)
    assert len(lab.cluster.ready) == 8
    # Pods that do not get ready do not keep the others away for ever.
    lab.run(95)
    assert len(lab.cluster.ready) == 12


def test_the_objects_are_real_and_small(lab: Lab) -> None:
    lab.deploy()
    lab.run(1)
    kinds = {(kind, name): item for (_, kind, name), item in lab.cluster.objects.items()}
    assert kinds["Service", "istio-ingressgateway-workload"]["spec"]["type"] == "LoadBalancer"
    assert kinds["StatefulSet", "kfp-db"]["spec"]["volumeClaimTemplates"]
    pods = [item for (kind, _), item in kinds.items() if kind in ("StatefulSet", "Deployment")]
    assert len(pods) == APPLICATIONS
    for item in pods:
        assert (
            item["spec"]["selector"]["matchLabels"].items()
            <= item["spec"]["template"]["metadata"]["labels"].items()
        )
        for container in item["spec"]["template"]["spec"]["containers"]:
            # All of these are in the bundle's archive, and none is pulled.
            assert container["image"] in images.REFS
            assert container["imagePullPolicy"] == "IfNotPresent"
            assert int(container["resources"]["limits"]["memory"].removesuffix("Mi")) <= 512
