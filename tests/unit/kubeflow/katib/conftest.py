"""An API server in memory, with Jobs that run at a word."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from labkubeflow.common.kube import KubeError
from labkubeflow.katib.cluster import Cluster
from labkubeflow.katib.defaults import complete
from labkubeflow.katib.reconcile import Reconciler

Object = dict[str, Any]
SPACE = "user"
EXPERIMENTS = f"/apis/kubeflow.org/v1beta1/namespaces/{SPACE}/experiments"
TRIALS = f"/apis/kubeflow.org/v1beta1/namespaces/{SPACE}/trials"
SUGGESTIONS = f"/apis/kubeflow.org/v1beta1/namespaces/{SPACE}/suggestions"
JOBS = f"/apis/batch/v1/namespaces/{SPACE}/jobs"
PODS = f"/api/v1/namespaces/{SPACE}/pods"


class Api:
    """Keeps objects by path; versions, conflicts, status and owners as the real one."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.logs: dict[str, str] = {}
        self.events: list[Object] = []
        self.writes = 0
        self._numbers = itertools.count(1)
        self.fail_on: Callable[[str, str], bool] = lambda method, path: False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> Object:
        if self.fail_on(method, path):
            raise KubeError(0, "", "the API server cannot be reached")
        body = copy.deepcopy(body)
        if method != "GET" and not query:
            self.writes += 1
        answer = {
            "GET": lambda: self._get(path, query or {}),
            "POST": lambda: self._post(path, body, query or {}),
            "PUT": lambda: self._put(path, body),
            "PATCH": lambda: self._patch(path, body),
            "DELETE": lambda: self._delete(path),
        }[method]()
        return copy.deepcopy(answer)

    def text(self, path: str, *, query: Mapping[str, str] | None = None) -> str:
        container = (query or {})["container"]
        pod = self._find(path.removesuffix("/log"))
        if container not in [item["name"] for item in pod["spec"]["containers"]]:
            raise KubeError(400, "BadRequest", f"container {container} is not valid")
        return self.logs[pod["metadata"]["name"]]

    def put(self, path: str, item: Object) -> Object:
        """Put an object there, whoever made it."""
        number = next(self._numbers)
        metadata = item.setdefault("metadata", {})
        metadata.setdefault("uid", f"uid-{number}")
        metadata.setdefault("creationTimestamp", f"2024-01-01T00:{number // 60:02}:{number % 60:02}Z")
        metadata["resourceVersion"] = str(number)
        self.objects[path] = item
        return item

    def _find(self, path: str) -> Object:
        if path not in self.objects:
            raise KubeError(404, "NotFound", f"{path} not found")
        return self.objects[path]

    def _get(self, path: str, query: Mapping[str, str]) -> Object:
        if not path.endswith(("/experiments", "/trials", "/suggestions", "/jobs", "/pods", "/namespaces")):
            return self._find(path)
        wanted = [pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair]
        return {
            "items": [
                item
                for place, item in self.objects.items()
                if place.rpartition("/")[0] == path
                and all((item["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
            ]
        }

    def _post(self, path: str, body: Object, query: Mapping[str, str]) -> Object:
        if path.endswith("/events"):
            self.events.append(body)
            return body
        if query.get("dryRun"):
            return dry_run(body)
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            raise KubeError(409, "AlreadyExists", f"{place} already exists")
        body.pop("status", None)
        return self.put(place, body)

    def _put(self, path: str, body: Object) -> Object:
        status = path.endswith("/status")
        path = path.removesuffix("/status")
        found = self._find(path)
        if body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
            raise KubeError(409, "Conflict", "the object has been modified")
        changed = (
            {**found, "status": body["status"]} if status else {**body, "status": found.get("status", {})}
        )
        return self.put(path, {**changed, "metadata": dict(changed["metadata"])})

    def _patch(self, path: str, body: Object) -> Object:
        found = copy.deepcopy(self._find(path))
        annotations = found["metadata"].setdefault("annotations", {})
        annotations.update(body["metadata"]["annotations"])
        return self.put(path, found)

    def _delete(self, path: str) -> Object:
        gone = self._find(path)
        del self.objects[path]
        for place, item in list(self.objects.items()):
            owners = item["metadata"].get("ownerReferences") or []
            if gone["metadata"]["uid"] in [owner["uid"] for owner in owners] and place in self.objects:
                self._delete(place)
        return {}

    def of(self, collection: str) -> list[Object]:
        """The objects of a kind."""
        return list(self.request("GET", collection)["items"])


def dry_run(job: Object) -> Object:
    """What the API server makes of a Job: it drops what it does not know, and refuses what is wrong."""
    text = json.dumps(job)
    if '"restartPolicy": "Never"' not in text:
        raise KubeError(422, "Invalid", "spec.template.spec.restartPolicy: Required value")
    made: Object = json.loads(text)
    for container in made["spec"]["template"]["spec"]["containers"]:
        container.pop("imaage", None)
    made["spec"]["template"]["spec"]["schedulerName"] = "default-scheduler"
    return made


Outcome = Callable[[dict[str, float]], str | None]
"""A trial's log by its parameters; None if it fails."""


class Lab:
    """A controller, and what it works on."""

    def __init__(self) -> None:
        self.api = Api()
        self.api.put(
            f"/api/v1/namespaces/{SPACE}",
            {
                "metadata": {
                    "name": SPACE,
                    "labels": {"katib.kubeflow.org/metrics-collector-injection": "enabled"},
                }
            },
        )
        self.reconciler = Reconciler(Cluster(self.api))
        self.most_at_a_time = 0

    def restart(self) -> None:
        """End the controller, and start another one."""
        self.reconciler = Reconciler(Cluster(self.api))

    def create(self, spec: Object, name: str = "exp") -> None:
        item = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "spec": spec}
        self.api.put(f"{EXPERIMENTS}/{name}", {**item, "metadata": {"name": name, "namespace": SPACE}})

    def rounds(self, name: str = "exp") -> float | None:
        """Make rounds until one changes nothing."""
        for _ in range(50):
            before = self.api.writes
            again = self.reconciler.experiment(SPACE, name)
            if self.api.writes == before:
                return again
        raise AssertionError("there is no end to it")

    def jobs(self, name: str = "exp") -> list[Object]:
        """The Jobs of an experiment that have not ended."""
        going = [
            job
            for job in self.api.of(JOBS)
            if job["metadata"]["labels"]["katib.kubeflow.org/experiment"] == name and not job.get("status")
        ]
        self.most_at_a_time = max(self.most_at_a_time, len(going))
        return going

    def start_pod(self, job: Object, log: str, phase: str = "Running") -> None:
        """Have a Job's pod write something."""
        name = f"{job['metadata']['name']}-abcde"
        self.api.logs[name] = log
        labels = {
            **job["spec"]["template"]["metadata"].get("labels", {}),
            "job-name": job["metadata"]["name"],
        }
        self.api.put(
            f"{PODS}/{name}",
            {
                "metadata": {
                    "name": name,
                    "labels": labels,
                    "ownerReferences": [{"uid": job["metadata"]["uid"]}],
                },
                "spec": job["spec"]["template"]["spec"],
                "status": {"phase": phase},
            },
        )

    def end_job(self, job: Object, log: str | None) -> None:
        """Have a Job end: well with a log, badly without."""
        self.start_pod(job, log or "", "Failed" if log is None else "Succeeded")
        condition = {"type": "Complete", "status": "True"}
        if log is None:
            condition = {
                "type": "Failed",
                "status": "True",
                "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
            }
        path = f"{JOBS}/{job['metadata']['name']}"
        self.api.put(path, {**job, "status": {"conditions": [condition]}})

    def run(self, outcome: Outcome, name: str = "exp", most: int = 100) -> Object:
        """Run Jobs, one at a time, and rounds until no Job is left; return the experiment."""
        self.rounds(name)
        for _ in range(most):
            going = self.jobs(name)
            if not going:
                break
            self.end_job(going[0], outcome(parameters_of(going[0])))
            self.rounds(name)
        return self.experiment(name)

    def experiment(self, name: str = "exp") -> Object:
        return self.api.request("GET", f"{EXPERIMENTS}/{name}")

    def trials(self) -> list[Object]:
        return self.api.of(TRIALS)

    def suggestion(self, name: str = "exp") -> Object:
        return self.api.request("GET", f"{SUGGESTIONS}/{name}")


def parameters_of(job: Object) -> dict[str, float]:
    """The parameters that a Job was given."""
    words: list[str] = job["spec"]["template"]["spec"]["containers"][0]["args"]
    return {name: float(value) for name, value in (word.lstrip("-").split("=") for word in words)}


def condition(item: Object, kind: str) -> Object:
    """A condition of an object; empty if it has none of this type."""
    found = [entry for entry in item["status"]["conditions"] if entry["type"] == kind]
    return found[0] if found else {}


def holds(item: Object, kind: str) -> bool:
    return condition(item, kind).get("status") == "True"


def number(name: str, low: str = "0", high: str = "1", kind: str = "double", **more: str) -> Object:
    return {"name": name, "parameterType": kind, "feasibleSpace": {"min": low, "max": high, **more}}


def make_spec(*parameters: Object, **changes: Any) -> Object:
    """An experiment's spec: one parameter `x`, a Job that is given it."""
    parameters = parameters or (number("x"),)
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": f"p_{item['name']}", "reference": item["name"]} for item in parameters],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {
                                "name": "main",
                                "image": "python:3.11",
                                "args": [
                                    f"--{item['name']}=${{trialParameters.p_{item['name']}}}"
                                    for item in parameters
                                ],
                            }
                        ],
                    }
                }
            },
        },
    }
    return {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 2,
        "maxTrialCount": 6,
        "maxFailedTrialCount": 3,
        "parameters": list(parameters),
        "trialTemplate": template,
        **changes,
    }


def make_experiment(spec: Object, **status: Any) -> Object:
    """An experiment with its defaults."""
    return {"metadata": {"name": "exp", "namespace": SPACE}, "spec": complete(spec), "status": status}


@pytest.fixture
def lab() -> Lab:
    return Lab()
