from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.editions import load_edition
from lab.testing.kube import KubeError
from tests.faults import pods
from tests.faults.pods import PLANS, UNUSED, Deleter, Plan
from tests.faults.suite import Suite, run_suite


class FakeClock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


class FakeSuite:
    """Says what is under way, and whether it has ended."""

    def __init__(self) -> None:
        self.current = "test_one"
        self.exit_code: int | None = None


class FakeKube:
    """Applications of one pod each, which a test replaces by hand."""

    def __init__(self, *applications: str) -> None:
        self.pods = {name: self.pod(name, "old", ready=True) for name in applications}
        self.deleted: list[str] = []
        self.answers = True

    @staticmethod
    def pod(name: str, uid: str, *, ready: bool) -> dict[str, Any]:
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        return {
            "metadata": {"name": f"{name}-0", "uid": f"{name} {uid}"},
            "status": {"phase": "Running", "conditions": [condition]},
        }

    def replace(self, name: str, *, ready: bool = True) -> None:
        self.pods[name] = self.pod(name, "new", ready=ready)

    def list(self, version: str, kind: str, namespace: str, *, labels: str) -> Any:
        if not self.answers:
            raise KubeError("no answer", status=0)
        assert (version, kind, namespace) == ("v1", "Pod", "kubeflow")
        return [self.pods[labels.partition("=")[2]]]

    def delete(self, version: str, kind: str, name: str, namespace: str) -> None:
        if not self.answers:
            raise KubeError("no answer", status=0)
        self.deleted.append(name)


@pytest.fixture
def suite() -> Any:
    return FakeSuite()


@pytest.fixture
def kube() -> Any:
    return FakeKube("first", "second")


@pytest.fixture
def deleter(kube: Any) -> Deleter:
    plan = Plan(("first", "second"), pods.a_test_runs)
    return Deleter(kube, "kubeflow", plan, clock=FakeClock())


def let_go(kube: Any, name: str) -> None:
    kube.pods[name]["metadata"]["deletionTimestamp"] = "now"


def test_one_after_the_other(kube: Any, suite: Any, deleter: Deleter) -> None:
    deleter.look(suite)
    assert kube.deleted == ["first-0"]
    let_go(kube, "first")
    suite.current = "test_two"
    deleter.look(suite)
    kube.replace("first", ready=False)
    deleter.look(suite)
    assert (kube.deleted, deleter.settled) == (["first-0"], False)
    kube.replace("first")
    deleter.look(suite)
    assert deleter.settled
    deleter.look(suite)
    assert kube.deleted == ["first-0", "second-0"]
    assert deleter.missed == []


def test_nothing_is_disturbed_twice(kube: Any, suite: Any, deleter: Deleter) -> None:
    deleter.look(suite)
    kube.replace("first")
    deleter.look(suite)
    deleter.look(suite)
    assert (kube.deleted, deleter.missed) == (["first-0"], ["second"])


def test_nothing_is_deleted_after_the_end(kube: Any, suite: Any, deleter: Deleter) -> None:
    suite.exit_code = 0
    deleter.look(suite)
    assert kube.deleted == []


def test_a_deletion_that_was_lost_is_sent_again(kube: Any, suite: Any, deleter: Deleter) -> None:
    deleter.look(suite)
    kube.answers = False
    with pytest.raises(KubeError):
        deleter.look(suite)
    kube.answers = True
    deleter.look(suite)
    assert kube.deleted == ["first-0", "first-0"]


def test_what_does_not_come_back_is_told(kube: Any, suite: Any, deleter: Deleter) -> None:
    deleter.look(suite)
    kube.replace("first", ready=False)
    clock: Any = deleter.clock
    clock.now += pods.BACK_SECONDS
    with pytest.raises(AssertionError, match="first does not come back: first-0: Running"):
        deleter.look(suite)


def test_every_application_has_its_moment_or_does_nothing() -> None:
    planned = {name for plan in PLANS.values() for name in plan.applications}
    assert sorted([*planned, *UNUSED]) == sorted(load_edition("rehearsal").expect.applications)


SUITE = """
import pathlib, sys
pathlib.Path(sys.argv[-1].partition("=")[2]).write_text(
    '<testsuites><testsuite><testcase name="test_one[a b]"><properties>'
    '<property name="failure_class" value="ENV"/></properties><failure>x</failure></testcase>'
    '<testcase name="test_two"/></testsuite></testsuites>'
)
print("tests/acceptance/test_40_x.py::test_one[a b] FAILED   [ 50%]")
print("tests/acceptance/test_40_x.py::test_two ", end="", flush=True)
sys.exit(70)
"""


def test_a_suite_tells_where_it_is_and_what_failed(tmp_path: Path) -> None:
    with run_suite([sys.executable, "-c", SUITE], cwd=tmp_path, directory=tmp_path) as suite:
        assert suite.process.wait(60) == suite.exit_code == 70
        assert suite.current == "tests/acceptance/test_40_x.py::test_two"
        assert suite.failures() == {"test_one[a b]": "ENV"}


def test_before_the_first_test_a_suite_is_at_none(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_text("lab x\ncollected 3 items\ntests/acceptance/test_40_x.py::test_one[a b] PASSED [ 1%]")
    process: Any = subprocess.Popen
    assert Suite(process, output, tmp_path).current == "tests/acceptance/test_40_x.py::test_one[a b]"
    output.write_text("lab x\n")
    assert Suite(process, output, tmp_path).current == ""
