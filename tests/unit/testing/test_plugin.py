"""The plugin in a pytest of its own, on a lab that is faked in that one's conftest."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.editions import load_edition

ROOT = Path(__file__).parents[3]
APPLICATIONS = len(load_edition("rehearsal").expect.applications)

CONFTEST = """
import os
from lab.errors import AcceptanceError
from lab.probes.status import collect
from lab.testing import connection
from lab.testing.kube import Kube
from lab.transport.base import CommandResult

pytest_plugins = ["lab.testing.plugin"]

class Transport:
    def run(self, command, *, timeout, input=None, on_line=None):
        return CommandResult(command, 0, "said by the guest\\n", "", 0.0)
    def close(self):
        print("transport closed")

class FakeKube:
    def __init__(self):
        self.objects = {}
    def request(self, method, path, **_):
        if os.environ.get("FAKE_API") == "down":
            raise AcceptanceError("the API server does not answer", code="LAB-TEST-010")
        return {}
    def create(self, item):
        self.objects[item["metadata"]["name"]] = item
        return item
    def get(self, api_version, kind, name, namespace=None):
        return {"metadata": {"name": name}}
    def list(self, api_version, kind, namespace=None, labels=""):
        if kind == "Event":
            return [{"reason": "BackOff", "message": f"in {namespace}", "type": "Warning"}]
        return []
    def delete(self, api_version, kind, name, namespace=None):
        del self.objects[name]
    def close(self):
        print("left:", len(self.objects))

def connect(lab):
    if os.environ.get("FAKE_VM") == "off":
        raise connection._unusable(lab, "its VM is shutoff")
    return Transport()

def check(lab, transport, *, kubernetes):
    if kubernetes and os.environ.get("FAKE_MICROK8S") == "stopped":
        raise connection._unusable(lab, "microk8s: microk8s is not running, try microk8s start")

connection.connect = connect
connection.check = check
Kube.connect = classmethod(lambda cls, transport: FakeKube())
"""

TESTS = """
import pytest

@pytest.mark.machine
def test_guest(transport):
    assert transport.run("x", timeout=1).ok

@pytest.mark.microk8s
def test_good(namespace, run):
    assert run.kube.objects[namespace]["metadata"]["labels"] == {"kubeflow-lab.dev/run": run.id}

@pytest.mark.microk8s
def test_bad(namespace):
    assert namespace == "something else"

@pytest.mark.juju
def test_application(application):
    assert application

@pytest.mark.katib
def test_mistaken(run):
    assert {}["no such key"]

@pytest.mark.profiles
def test_profile(new_profile, run):
    name = new_profile("somebody@lab.test")
    made = run.kube.objects[name]
    assert (made["kind"], made["spec"]["owner"]["name"]) == ("Profile", "somebody@lab.test")
    assert made["metadata"]["labels"] == {"kubeflow-lab.dev/run": run.id}
    assert (run.profiles, run.namespaces[-1]) == ([name], name)

@pytest.fixture
def far():
    raise ConnectionRefusedError("nobody listens")

@pytest.mark.katib
def test_cut_off(far):
    pass
"""


@dataclass
class Outcome:
    """How the other pytest ended."""

    code: int
    text: str
    reports: Path


Suite = Callable[..., Outcome]


def _suite(directory: Path) -> Suite:
    """Lay out a checkout in a directory; what is returned runs pytest there."""
    (directory / "Vagrantfile").touch()
    (directory / "lab.yaml").write_text("edition: rehearsal\n", encoding="utf-8")
    (directory / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (directory / "test_it.py").write_text(TESTS, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", encoding="utf-8")
    (directory / ".lab" / "kubeflow").mkdir(parents=True)
    manifests = directory / "tests" / "acceptance" / "manifests"
    manifests.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "acceptance" / "manifests" / "profile.yaml", manifests)

    def run(*arguments: str, **environ: str) -> Outcome:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("LAB_", "PYTEST_"))
        }
        # Without the plugins of the other tests, which take as long to load as all the rest.
        without = ["-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:xdist.looponfail"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *without, *arguments],
            cwd=directory,
            env={**environment, "PYTHONPATH": str(ROOT), **environ},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr, directory / ".lab/kubeflow/reports/latest")

    return run


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return _suite(tmp_path)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All tests on a good lab; only to be read."""
    return _suite(tmp_path_factory.mktemp("whole"))()


def test_reports_with_evidence(whole_run: Outcome) -> None:
    outcome = whole_run
    assert outcome.code == 1, outcome.text
    assert f"2 failed, {APPLICATIONS + 3} passed, 1 error" in outcome.text
    assert "REHEARSAL: lab kubeflow, edition rehearsal" in outcome.text
    assert "again:    python -m lab --name kubeflow test --last-failed" in outcome.text
    assert "left: 0" in outcome.text

    page = (outcome.reports / "report.html").read_text(encoding="utf-8")
    assert "Acceptance of REHEARSAL: lab kubeflow" in page
    assert "evidence: status" in page
    assert "BackOff" in page
    assert not re.search(r'<(link|script)[^>]+(href|src)="(?!data:|javascript:)', page)

    root = ET.parse(outcome.reports / "junit.xml").getroot()  # noqa: S314 - written a moment ago
    found = {p.get("name"): p.get("value") for p in root.iter("property")}
    assert found["banner"] == "REHEARSAL"
    assert found["edition"] == "rehearsal"
    directories = [str(p.get("value")) for p in root.iter("property") if p.get("name") == "evidence"]
    evidence = next(Path(directory) for directory in directories if directory.endswith("test-bad"))
    assert evidence.is_relative_to(outcome.reports.resolve())
    names = [path.name for path in sorted(evidence.iterdir())]
    assert names[0] == "01-status.txt"
    assert any("events-in-t-bad" in name for name in names)
    assert all(float(case.get("time", "")) >= 0 for case in root.iter("testcase"))
    assert (outcome.reports.stat().st_mode & 0o077) == 0


def test_failures_have_a_class(whole_run: Outcome) -> None:
    outcome = whole_run
    assert "  1 SUITE: a mistake in the tests" in outcome.text
    assert "SUITE   test_it.py::test_mistaken: KeyError in the test" in outcome.text
    assert "ENV     test_it.py::test_cut_off: ConnectionRefusedError: nobody listens" in outcome.text
    assert "PRODUCT test_it.py::test_bad: it does not do what is asserted" in outcome.text

    root = ET.parse(outcome.reports / "junit.xml").getroot()  # noqa: S314 - written a moment ago
    classes = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}.get("failure_class")
        for case in root.iter("testcase")
    }
    expected = {"test_bad": "PRODUCT", "test_mistaken": "SUITE", "test_cut_off": "ENV", "test_good": None}
    assert {name: classes[name] for name in expected} == expected

    page = html.unescape((outcome.reports / "report.html").read_text(encoding="utf-8"))
    assert 'data-column-type=\\"class\\"' in page or 'data-column-type="class"' in page
    assert page.count(">PRODUCT</td>") == page.count(">SUITE</td>") == page.count(">ENV</td>") == 1


def test_what_cannot_be_collected_is_the_suite_s(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "test_odd.py").write_text("import no_such_module\n", encoding="utf-8")
    outcome = suite()
    assert "SUITE   test_odd.py: it could not be collected" in outcome.text


def test_application_is_a_test_each(suite: Suite) -> None:
    outcome = suite("-m", "juju", "--collect-only", "-q")
    assert outcome.code == 0
    assert "test_application[dex-auth]" in outcome.text
    assert f"{APPLICATIONS}/{APPLICATIONS + 6} tests collected" in outcome.text


@pytest.mark.parametrize("trouble", [{"FAKE_VM": "off"}, {"FAKE_MICROK8S": "stopped"}, {"FAKE_API": "down"}])
def test_unusable_lab_is_one_message(suite: Suite, trouble: dict[str, str]) -> None:
    outcome = suite(**trouble)
    assert outcome.code == 2
    assert outcome.text.count("LAB-TEST-") == 1
    assert "FAILED" not in outcome.text
    assert "passed" not in outcome.text


def test_the_guest_can_be_tested_without_kubernetes(suite: Suite) -> None:
    assert suite("-m", "machine", FAKE_MICROK8S="stopped", FAKE_API="down").code == 0


def test_no_lab_to_collect_for(suite: Suite) -> None:
    outcome = suite("--collect-only", FAKE_VM="off")
    assert outcome.code == 0
    assert not outcome.reports.exists()


def test_wrong_settings_are_one_message(suite: Suite) -> None:
    outcome = suite(LAB_EDITION="nonsense")
    assert outcome.code == 2
    assert "There is no edition named 'nonsense'" in outcome.text
    assert "Traceback" not in outcome.text


def test_unknown_lab_leaves_nothing(suite: Suite, tmp_path: Path) -> None:
    assert suite(LAB_NAME="typo", FAKE_VM="off").code == 2
    assert not (tmp_path / ".lab" / "typo").exists()


def test_test_without_a_marker_is_refused(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "test_more.py").write_text("def test_x(): pass\n", encoding="utf-8")
    outcome = suite()
    assert outcome.code == 4
    assert "test_more.py::test_x has none of the markers" in outcome.text
