"""The provisioner of volumes that are directories of the node."""

from __future__ import annotations

import functools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from labaddons.kube import ApiError, Cluster, Mirror, Object, key_of

PROVISIONER = "microk8s.io/hostpath"
CLAIMS, VOLUMES = "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
HOST_NAME = "kubernetes.io/hostname"


def volume_name(claim: Object) -> str:
    """Returns the name of the volume made for a claim."""
    return f"pvc-{claim['metadata']['uid']}"


def directory_name(claim: Object) -> str:
    """Returns the name of the directory made for a claim."""
    namespace, name = key_of(claim)
    return f"{namespace}-{name}-{volume_name(claim)}"


def is_wanted(claim: Object, storage_class: Object) -> bool:
    """Tells whether a volume has to be made for a claim now."""
    if storage_class["provisioner"] != PROVISIONER:
        return False
    if claim["spec"].get("volumeName") or claim["metadata"].get("deletionTimestamp"):
        return False
    if claim["spec"].get("volumeMode", "Filesystem") != "Filesystem":
        return False
    waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
    return not waits or SELECTED_NODE in claim["metadata"].get("annotations", {})


def volume(claim: Object, storage_class: Object, path: Path, node: str) -> Object:
    """Returns the volume for a claim."""
    namespace, name = key_of(claim)
    on_this_node = {"key": HOST_NAME, "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(claim), "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": name,
                "uid": claim["metadata"]["uid"],
                "resourceVersion": claim["metadata"]["resourceVersion"],
            },
            "hostPath": {"path": str(path), "type": "DirectoryOrCreate"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_this_node]}]}},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": "Filesystem",
        },
    }


def is_released(item: Object) -> bool:
    """Tells whether a volume of ours lost its claim and is to be deleted with its directory."""
    return (
        item["metadata"].get("annotations", {}).get(PROVISIONED_BY) == PROVISIONER
        and item.get("status", {}).get("phase") == "Released"
        and item["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and not item["metadata"].get("deletionTimestamp")
    )


class Provisioner:
    """Makes and deletes volumes below a directory of this node."""

    def __init__(self, cluster: Cluster, root: Path, node: str) -> None:
        self._cluster = cluster
        self._root = root
        self._node = node

    def provision(self, claim: Object, storage_class: Object) -> None:
        """Makes the directory and the volume of a claim."""
        path = self._root / directory_name(claim)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        try:
            self._cluster.request("POST", VOLUMES, volume(claim, storage_class, path, self._node))
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            print(f"made {path.name}", flush=True)

    def delete(self, item: Object) -> None:
        """Deletes a volume and its directory."""
        path = Path(item["spec"]["hostPath"]["path"])
        # Only what we could have made: an object may say anything.
        if path.parent == self._root and path.name not in ("", "..", "."):
            shutil.rmtree(path, ignore_errors=True)
        try:
            self._cluster.request("DELETE", f"{VOLUMES}/{item['metadata']['name']}")
        except ApiError as error:
            if error.status != 404:
                raise
        else:
            print(f"deleted {path.name}", flush=True)

    def reconcile(self, mirror: Mirror) -> None:
        """Does what there is to do; what fails is tried again at the next change."""
        classes = {item["metadata"]["name"]: item for item in mirror.values(CLASSES)}
        made = {item["metadata"]["name"] for item in mirror.values(VOLUMES)}
        for claim in mirror.values(CLAIMS):
            storage_class = classes.get(claim["spec"].get("storageClassName", ""))
            if storage_class and volume_name(claim) not in made and is_wanted(claim, storage_class):
                _attempt(functools.partial(self.provision, claim, storage_class))
        for item in filter(is_released, mirror.values(VOLUMES)):
            _attempt(functools.partial(self.delete, item))


def _attempt(action: Callable[[], None]) -> None:
    try:
        action()
    except (ApiError, OSError) as error:
        print(error, flush=True)


def main() -> None:
    """Provisions until the pod is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    cluster = Cluster()
    provisioner = Provisioner(cluster, Path(os.environ["STORAGE"]), os.environ["NODE_NAME"])
    mirror = Mirror(cluster, CLASSES, CLAIMS, VOLUMES)
    for _ in mirror.changes(idle=20):
        provisioner.reconcile(mirror)


if __name__ == "__main__":
    main()
