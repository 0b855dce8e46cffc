"""Deletes the pods of applications while the acceptance suite runs, each at a moment that matters.

By hand, on a lab that is up: ``LAB_NAME=NAME python -m tests.faults.pods MARKER...``
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from lab.testing import connection, katib, profiles
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.pods import describe, is_over, is_ready
from lab.testing.steps import RUN_POD_LABEL
from lab.testing.waiting import Clock, Pending, wait_until
from tests.faults.suite import Suite, run_suite

NAME_LABEL = "app.kubernetes.io/name"
"""On the pods of an application; Juju sets it."""

BACK_SECONDS = 300.0
"""Within which an application is ready again after its pod was deleted."""

SUITE_SECONDS = 5400.0
INTERVAL = 0.5
"""Seconds between two looks. Some moments are short."""

Moment = Callable[[Kube, Suite], list[str]]
"""Returns what is under way at which a deletion would matter; each is disturbed once."""


def a_test_runs(_: Kube, suite: Suite) -> list[str]:
    """Return the test that the suite is at: for components whose every request is a test's."""
    return [suite.current] if suite.current else []


def a_profile_changes(kube: Kube, _: Suite) -> list[str]:
    """Return the profiles that are being made or deleted."""
    found = []
    for profile in kube.list(profiles.API, "Profile"):
        name = str(profile["metadata"]["name"])
        if profile["metadata"].get("deletionTimestamp"):
            found.append(f"the end of profile {name}")
        elif profiles.missing(kube, name, [*profiles.BASICS, *profiles.PIPELINES]):
            found.append(f"the beginning of profile {name}")
    return found


def a_step_is_at_work(kube: Kube, _: Suite) -> list[str]:
    """Return the steps of pipelines that have a pod and have not ended."""
    pods = kube.list("v1", "Pod", labels=RUN_POD_LABEL)
    return [f"step {pod['metadata']['name']}" for pod in pods if not is_over(pod)]


def a_trial_runs(kube: Kube, _: Suite) -> list[str]:
    """Return the trials that have begun and not ended."""
    return [
        f"trial {trial['metadata']['name']}"
        for trial in kube.list(katib.API, "Trial")
        if katib.condition(trial, "Running") and not (trial["status"] or {}).get("completionTime")
    ]


@dataclass(frozen=True)
class Plan:
    """Which applications to disturb while the tests of a marker run, and when."""

    applications: Sequence[str]
    moment: Moment


PLANS = {
    "login": Plan(("dex-auth", "oidc-gatekeeper", "istio-ingressgateway", "kubeflow-dashboard"), a_test_runs),
    "profiles": Plan(("kubeflow-profiles", "kfp-profile-controller"), a_profile_changes),
    "pipelines": Plan(
        (
            *("kfp-api", "minio", "admission-webhook", "kfp-ui", "oidc-gatekeeper"),
            *("istio-ingressgateway", "dex-auth", "kfp-db", "minio", "kfp-api"),
        ),
        a_step_is_at_work,
    ),
    "katib": Plan(
        ("katib-controller", "katib-db-manager", "katib-ui", "katib-db", "katib-controller"), a_trial_runs
    ),
}
"""By marker. What is needed most is deleted twice: at the first thing that runs, and at a later one."""

UNUSED = ("istio-pilot", "jupyter-controller", "kserve-controller", "kubeflow-roles", "training-operator")
"""Applications of a rehearsal whose pods do nothing."""


@dataclass
class Deletion:
    """The pods of one application, deleted once.

    Attributes:
        application: Whose they were.
        pods: Their names by their UIDs.
        subject: What was under way.
        began: By the clock.
        away: Seconds until the application was ready again; ``None`` while it is not.
    """

    application: str
    pods: Mapping[str, str]
    subject: str
    began: float
    away: float | None = None

    def __str__(self) -> str:
        back = "not back" if self.away is None else f"back after {self.away:.0f} s"
        return f"{self.application}: {', '.join(self.pods.values())} at {self.subject}: {back}"


@dataclass
class Deleter:
    """Deletes the pods of applications in turn, the next one once the last one is ready again.

    Args:
        kube: The lab's Kubernetes.
        namespace: Where the applications are.
        plan: Which of them, and when.
        clock: For tests.
    """

    kube: Kube
    namespace: str
    plan: Plan
    clock: Clock = time
    done: list[Deletion] = field(default_factory=list)
    _disturbed: set[str] = field(default_factory=set)

    @property
    def missed(self) -> list[str]:
        """The applications whose moment has not come."""
        return list(self.plan.applications[len(self.done) :])

    @property
    def settled(self) -> bool:
        """Whether every application that was disturbed is ready again."""
        return not self.done or self.done[-1].away is not None

    def report(self) -> str:
        """Return all deletions, a line each."""
        return "\n".join(str(deletion) for deletion in self.done)

    def look(self, suite: Suite) -> None:
        """Go on: see whether the last one is back, or delete the next one if its moment has come.

        Raises:
            AssertionError: An application does not come back.
            KubeError: The API server did not answer.
        """
        if not self.settled:
            self._see_to(self.done[-1])
        elif self.missed and suite.exit_code is None:
            fresh = [item for item in self.plan.moment(self.kube, suite) if item not in self._disturbed]
            if fresh:
                self._begin(self.missed[0], fresh[0])

    def _begin(self, application: str, subject: str) -> None:
        pods = {str(pod["metadata"]["uid"]): str(pod["metadata"]["name"]) for pod in self._pods(application)}
        assert pods, f"{application} has no pod"
        self._disturbed.add(subject)
        self.done.append(Deletion(application, pods, subject, self.clock.monotonic()))
        self._see_to(self.done[-1])

    def _see_to(self, deletion: Deletion) -> None:
        pods = self._pods(deletion.application)
        for pod in pods:
            # Again if need be: the answer to the first request may have been lost, or the request.
            metadata = pod["metadata"]
            if metadata["uid"] in deletion.pods and not metadata.get("deletionTimestamp"):
                self.kube.delete("v1", "Pod", metadata["name"], self.namespace)
        passed = self.clock.monotonic() - deletion.began
        if pods and all(is_ready(pod) and pod["metadata"]["uid"] not in deletion.pods for pod in pods):
            deletion.away = passed
            return
        told = "; ".join(f"{pod['metadata']['name']}: {describe(pod)}" for pod in pods) or "it has no pod"
        assert passed < BACK_SECONDS, f"{deletion.application} does not come back: {told}"

    def _pods(self, application: str) -> Sequence[Object]:
        return self.kube.list("v1", "Pod", self.namespace, labels=f"{NAME_LABEL}={application}")


def disturb(suite: Suite, deleter: Deleter, *, deadline: float = SUITE_SECONDS) -> int:
    """Delete pods until the suite has ended and all is ready again; return the suite's exit code.

    Raises:
        AssertionError: An application did not come back.
        WaitTimeout: The suite had not ended before the deadline, in seconds.
    """

    def look() -> int | Pending:
        code = suite.exit_code
        deleter.look(suite)
        if code is not None and deleter.settled:
            return code
        return Pending(f"{suite.current}; {deleter.done[-1] if deleter.done else 'nothing deleted yet'}")

    return wait_until(
        look, what="the suite to end", deadline=deadline, tolerate=(KubeError,), interval=INTERVAL
    )


def run_disturbed(argv: Sequence[str], deleter: Deleter, *, cwd: Path, directory: Path) -> None:
    """Run the suite until each application of the plan has been deleted, more than once if need be.

    Args:
        argv: The command that runs it.
        deleter: With a plan of its own.
        cwd: Where to run it.
        directory: Where its output and its report go.

    Raises:
        AssertionError: A test failed, an application did not come back, or a moment never came.
        WaitTimeout: The suite did not end.
    """
    while deleter.missed:
        before = len(deleter.done)
        with run_suite(argv, cwd=cwd, directory=directory) as suite:
            code = disturb(suite, deleter)
            assert code == 0, f"exit code {code}\n{deleter.report()}\n{suite.said()}"
        assert len(deleter.done) > before, f"no moment to delete {', '.join(deleter.missed)}"


def main(markers: Sequence[str]) -> None:
    """Run the suite on the lab that the environment names, marker by marker, with all deletions."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    logging.getLogger("lab.testing.waiting").setLevel(logging.INFO)
    lab = connection.settings(os.environ)
    with (
        tempfile.TemporaryDirectory() as directory,
        closing(connection.connect(lab)) as transport,
        closing(Kube.connect(transport)) as kube,
    ):
        for marker in markers or list(PLANS):
            deleter = Deleter(kube, lab.provision_env["LAB_MODEL"], PLANS[marker])
            argv = [sys.executable, "-m", "lab", "test", "-m", marker]
            run_disturbed(argv, deleter, cwd=lab.root, directory=Path(directory))
            sys.stdout.write(f"{marker}: all passed\n{deleter.report()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
