"""`lab test`: what reaches pytest, and what its exit codes become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lab.testing.markers import MARKERS
from tests.unit.cli.conftest import Lab


class Suite:
    """Stands in for the suite, and notes what it was asked."""

    def __init__(self) -> None:
        self.code = 0
        self.arguments: list[str] = []
        self.environ: dict[str, str] = {}

    def main(self, arguments: Sequence[str], environ: Mapping[str, str], *, root: Path) -> int:
        self.arguments, self.environ = list(arguments), dict(environ)
        assert (root / "Vagrantfile").exists()
        return self.code


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Suite:
    found = Suite()
    monkeypatch.setattr("lab.testing.session.main", found.main)
    return found


@pytest.mark.parametrize(
    ("arguments", "reached"),
    [
        ([], []),
        (["-m", "katib"], ["-m", "katib"]),
        (["-m", "login or profiles", "-k", "quota", "-x"], ["-m", "login or profiles", "-k", "quota", "-x"]),
        (["--maxfail", "3", "-vv", "--last-failed"], ["--maxfail", "3", "-vv", "--last-failed"]),
        (
            ["--", "--debug", "tests/acceptance/test_40_login.py"],
            ["--debug", "tests/acceptance/test_40_login.py"],
        ),
    ],
)
def test_what_reaches_pytest(lab: Lab, suite: Suite, arguments: list[str], reached: list[str]) -> None:
    assert lab("test", *arguments) == 0
    assert suite.arguments == reached


def test_the_lab_that_is_tested(lab: Lab, suite: Suite) -> None:
    # A name is always given: without one the suite would bring a lab of its own up.
    assert lab("test") == 0
    assert suite.environ["LAB_NAME"] == "kubeflow"
    assert "LAB_EDITION" not in suite.environ
    assert lab("--name", "two", "--edition", "rehearsal", "test") == 0
    assert (suite.environ["LAB_NAME"], suite.environ["LAB_EDITION"]) == ("two", "rehearsal")


@pytest.mark.parametrize(
    ("pytest_code", "code"), [(0, 0), (1, 70), (2, 2), (3, 1), (4, 2), (5, 2), (130, 130), (99, 1)]
)
def test_exit_codes(lab: Lab, suite: Suite, pytest_code: int, code: int) -> None:
    suite.code = pytest_code
    assert lab("test") == code
    assert ("LAB-TEST-005" in lab.err) == (pytest_code == 5)


def test_the_suite_is_not_installed(lab: Lab, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.cli.acceptance._NEEDED", ("pytest", "no_such_module"))
    assert lab("test") == 10
    assert "LAB-HOST-025" in lab.err
    assert "no_such_module" in lab.err


def test_help_names_every_component(lab: Lab) -> None:
    assert lab("test", "--help") == 0
    listed = " ".join(lab.out.split())
    assert f"Components: {', '.join(MARKERS)}." in listed
