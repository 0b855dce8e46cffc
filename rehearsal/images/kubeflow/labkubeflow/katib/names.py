"""Names that the outside sees: kinds, labels, conditions and reasons.

Sources: kubeflow/katib pkg/controller.v1beta1/consts/const.go, experiment/util/status_util.go,
trial/trial_controller_status.go and suggestion/suggestion_controller_status.go.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP = "kubeflow.org"
VERSION = "v1beta1"
API = f"{GROUP}/{VERSION}"

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
TRIAL_LABEL = "katib.kubeflow.org/trial"
COLLECT_LABEL = "katib.kubeflow.org/metrics-collector-injection"
"""Label of a namespace whose trials have their metrics collected: `enabled`."""

UNAVAILABLE = "unavailable"
"""Value of a metric that was not reported."""

SUCCESS_CONDITION = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
FAILURE_CONDITION = 'status.conditions.#(type=="Failed")#|#(status=="True")#'
"""What a Job's end is recognised by, in GJSON's language; the defaults for trials that are Jobs."""

PARALLEL_TRIALS = 3
"""`parallelTrialCount` where an experiment does not say."""

CREATED = "Created"
RUNNING = "Running"
RESTARTING = "Restarting"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
KILLED = "Killed"
EARLY_STOPPED = "EarlyStopped"
METRICS_UNAVAILABLE = "MetricsUnavailable"
DEPLOYMENT_READY = "DeploymentReady"


def collection(plural: str, namespace: str = "") -> str:
    """Return the path of a kind's objects, in one namespace or in all."""
    space = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{API}{space}/{plural}"


def jobs(namespace: str) -> str:
    """Return the path of a namespace's Jobs."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def owner(item: Object) -> Object:
    """Return a reference to the object that another one is made for, and is deleted with."""
    return {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
