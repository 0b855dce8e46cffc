"""MicroK8s, and each of its addons by using it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from lab.probes.guest import Answer
from lab.probes.kubernetes import parse_microk8s
from lab.testing import web
from lab.testing.guest import in_range
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.pods import is_ready, run_to_end, wait_for_pod
from lab.testing.waiting import Pending, wait_until
from lab.transport.base import Transport

pytestmark = pytest.mark.microk8s

Apply = Callable[[str, str], list[Object]]

POD_DEADLINE = 240.0
CONTROLLER_DEADLINE = 120.0
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@pytest.fixture(scope="module")
def website(run: Any, apply: Apply, module_namespace: str) -> str:
    """A web server in a pod, with a service; the namespace it is in."""
    apply("web.yaml", module_namespace)
    wait_for_pod(run.kube, module_namespace, "web", is_ready, what="to be ready", deadline=POD_DEADLINE)
    return module_namespace


# A proxy's address may hold a password, which is to be in no report: only its sum leaves the guest.
PROXIES = """
. ~/.kubeflow-lab/lab.env
pid=$(systemctl show --property=MainPID --value snap.microk8s.daemon-containerd.service)
has() { sudo -n cat "/proc/$pid/environ" | tr '\\0' '\\n' | sed -n "s/^$1=//p"; }
for name in HTTP HTTPS; do
  told=LAB_PROXY_$name
  printf '%s\\n' "${!told:-}" | sha256sum
  printf '%s\\n' "$(has ${name}_PROXY)" | sha256sum
done
"""


def test_containerd_has_the_proxies_of_the_settings(host: Any) -> None:
    http, http_in_force, https, https_in_force = host.check_output("bash -c %s", PROXIES).splitlines()
    assert http_in_force == http
    assert https_in_force == https


def test_ready_for_its_user(host: Any, settings: Any) -> None:
    # As the login user, without sudo, and judged by exit code, form and content together.
    status = host.run("/snap/bin/microk8s status --format yaml", timeout=120)
    enabled = parse_microk8s(Answer(status.rc, status.stdout, status.stderr))
    wanted = {addon.partition(":")[0] for addon in settings.provision_env["LAB_ADDONS"].split()}
    assert wanted <= enabled


def test_node_is_ready_and_of_the_expected_version(kube: Kube, settings: Any) -> None:
    nodes = kube.list("v1", "Node")
    assert [is_ready(node) for node in nodes] == [True]
    prefix = settings.edition.expect.snaps["microk8s"].version_prefix or "v"
    assert nodes[0]["status"]["nodeInfo"]["kubeletVersion"].startswith(prefix)


def test_dns(kube: Kube, apply: Apply, website: str) -> None:
    address = kube.request("GET", kube.path("v1", "Service", "web", namespace=website))["spec"]["clusterIP"]
    apply("asker.yaml", website)
    log = run_to_end(kube, website, "asker", deadline=POD_DEADLINE)
    assert address in log
    assert f"hello from {website}" in log


def test_storage(kube: Kube, apply: Apply, namespace: str) -> None:
    classes = kube.list("storage.k8s.io/v1", "StorageClass")
    default = [c for c in classes if c["metadata"].get("annotations", {}).get(DEFAULT_CLASS) == "true"]
    assert [c["volumeBindingMode"] for c in default] == ["WaitForFirstConsumer"]

    apply("claim.yaml", namespace)
    apply("writer.yaml", namespace)
    run_to_end(kube, namespace, "writer", deadline=POD_DEADLINE)
    kube.delete("v1", "Pod", "writer", namespace)
    apply("reader.yaml", namespace)
    assert run_to_end(kube, namespace, "reader", deadline=POD_DEADLINE) == f"kept for {namespace}\n"

    claim = kube.request("GET", kube.path("v1", "PersistentVolumeClaim", "notes", namespace=namespace))
    assert claim["spec"]["storageClassName"] == default[0]["metadata"]["name"]
    assert claim["status"]["phase"] == "Bound"


def test_ingress(kube: Kube, transport: Transport, apply: Apply, website: str) -> None:
    apply("ingress.yaml", website)
    known = f"{website}.lab.test"
    addresses = kube.list("v1", "Node")[0]["status"]["addresses"]
    node = next(address["address"] for address in addresses if address["type"] == "InternalIP")
    with transport.tunnel(node, 80) as tunnel:
        answer = web.wait_for_status(
            tunnel.port, "/hello", host=known, status=200, deadline=CONTROLLER_DEADLINE
        )
        assert answer.body == f"hello from {website}\n"
        assert web.get(tunnel.port, "/hello", host="unknown.lab.test").status == 404
        assert web.get(tunnel.port, "/other", host=known).status == 404


def test_load_balancer(kube: Kube, transport: Transport, apply: Apply, website: str, settings: Any) -> None:
    apply("loadbalancer.yaml", website)

    def look() -> str | Pending:
        service = kube.request("GET", kube.path("v1", "Service", "web-public", namespace=website))
        given = service["status"]["loadBalancer"].get("ingress") or []
        return str(given[0]["ip"]) if given else Pending("it has no address")

    address = wait_until(
        look, what="the service's address", deadline=CONTROLLER_DEADLINE, tolerate=(KubeError,)
    )
    assert in_range(address, settings.provision_env["LAB_METALLB_RANGE"])
    with transport.tunnel(address, 80) as tunnel:
        answer = web.wait_for_status(
            tunnel.port, "/hello", host=address, status=200, deadline=CONTROLLER_DEADLINE
        )
    assert answer.body == f"hello from {website}\n"


def test_rbac(kube: Kube, apply: Apply, namespace: str) -> None:
    apply("accounts.yaml", namespace)
    with closing(kube.as_service_account(namespace, "reader")) as reader:

        def look() -> Object | Pending:
            # The API server learns of a new binding a moment after it has been stored.
            return reader.request("GET", pods)

        pods = f"/api/v1/namespaces/{namespace}/pods"
        found = wait_until(
            look, what="the reader's rights", deadline=CONTROLLER_DEADLINE, tolerate=(KubeError,)
        )
        assert found["kind"] == "PodList"
        with pytest.raises(KubeError) as refused:
            reader.request("GET", "/api/v1/namespaces/kube-system/secrets")
        assert refused.value.status == 403
    with closing(kube.as_service_account(namespace, "stranger")) as stranger:
        with pytest.raises(KubeError) as refused:
            stranger.request("GET", pods)
        assert refused.value.status == 403
