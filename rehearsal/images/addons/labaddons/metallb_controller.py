"""The load balancer's controller: gives services of type LoadBalancer their addresses."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime

from labaddons.kube import ApiError, Cluster, Key, Mirror, Object, key_of
from labaddons.pools import allocate, current_address

SERVICES = "/api/v1/services"
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"


class Controller:
    """Writes the decisions into the services."""

    def __init__(self, cluster: Cluster, mirror: Mirror) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._refused: dict[Key, str] = {}

    def reconcile(self) -> None:
        """Gives, changes and takes addresses."""
        services = {key_of(item): item for item in self._mirror.values(SERVICES)}
        given, refused = allocate(services.values(), self._mirror.values(POOLS))
        for key, service in services.items():
            address = given.get(key, "")
            if address != current_address(service):
                self._set_address(key, address)
                if address:
                    self._event(service, "Normal", "IPAllocated", f'Assigned IP ["{address}"]')
        for key, reason in refused.items():
            if self._refused.get(key) != reason:
                message = f"Failed to allocate IP for {'/'.join(key)}: {reason}"
                self._event(services[key], "Warning", "AllocationFailed", message)
        self._refused = refused

    def _set_address(self, key: Key, address: str) -> None:
        namespace, name = key
        status = {"loadBalancer": {"ingress": [{"ip": address}] if address else None}}
        path = f"/api/v1/namespaces/{namespace}/services/{name}/status"
        self._send("PATCH", path, {"status": status})
        print(f"{namespace}/{name}: {address or 'no address'}", flush=True)

    def _event(self, service: Object, kind: str, reason: str, message: str) -> None:
        metadata = service["metadata"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Service",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": "metallb-controller"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._send("POST", f"/api/v1/namespaces/{metadata['namespace']}/events", event)

    def _send(self, method: str, path: str, body: Object) -> None:
        """Sends a request; one that fails is seen again, and decided again, later."""
        try:
            if method == "PATCH":
                self._cluster.patch(path, body)
            else:
                self._cluster.request(method, path, body)
        except (ApiError, OSError) as error:
            print(error, flush=True)


def main() -> None:
    """Allocates until the pod is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    cluster = Cluster()
    mirror = Mirror(cluster, SERVICES, POOLS)
    controller = Controller(cluster, mirror)
    for _ in mirror.changes(idle=20):
        controller.reconcile()


if __name__ == "__main__":
    main()
