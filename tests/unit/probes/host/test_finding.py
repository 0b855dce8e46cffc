from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lab.errors import HostError, NetworkError
from lab.probes.host.examine import Check, examine
from lab.probes.host.finding import COMPUTER, NETWORK, PORTS, Finding, Report
from lab.probes.host.render import render, verdict

OK = COMPUTER.ok("memory", "8.0 GiB")
WARNING = COMPUTER.warning("acceleration", "emulation", "Buy one.")
TAKEN = PORTS.failure("port-ssh", "Port 22 is taken", "Free it.", code="LAB-HOST-129")
NO_STORE = NETWORK.failure("snap-store", "No store", "Go online.", code="LAB-NET-001")


@pytest.mark.parametrize(
    ("findings", "code"),
    [([OK, WARNING], 0), ([OK, NO_STORE], 30), ([TAKEN, NO_STORE], 10), ([TAKEN], 10)],
)
def test_the_exit_code(findings: list[Finding], code: int) -> None:
    report = Report.of([findings])
    assert report.exit_code == report.to_dict()["exit_code"] == code
    assert report.to_dict()["ok"] == (code == 0)


def test_a_failure_is_an_error() -> None:
    error = TAKEN.error()
    assert isinstance(error, HostError)
    assert (error.code, error.message, error.hint) == ("LAB-HOST-129", "Port 22 is taken.", "Free it.")
    assert isinstance(NO_STORE.error(), NetworkError)


def test_an_error_is_a_failure() -> None:
    def look() -> Iterator[Finding]:
        yield OK
        raise HostError("There is none.", code="LAB-HOST-010", hint="Make one.")

    [finding] = examine([Check("bundle", COMPUTER, look)]).findings
    assert finding == COMPUTER.failure("bundle", "There is none", "Make one.", code="LAB-HOST-010")


def test_what_cannot_be_looked_at() -> None:
    def look() -> list[Finding]:
        raise PermissionError(13, "Permission denied", "/proc")

    [finding] = examine([Check("x", COMPUTER, look)]).findings
    assert finding.level == "warning"
    assert "Permission denied" in finding.found


def test_a_mistake_is_not_hidden() -> None:
    def look() -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine([Check("x", COMPUTER, look)])


def test_checks_go_side_by_side_and_keep_their_order() -> None:
    second_has_begun = threading.Event()

    def first() -> list[Finding]:
        assert second_has_begun.wait(10)
        return [OK]

    def second() -> list[Finding]:
        second_has_begun.set()
        return [TAKEN]

    report = examine([Check("a", COMPUTER, first), Check("b", PORTS, second)])
    assert report.findings == (OK, TAKEN)


def test_one_that_hangs_is_given_up() -> None:
    for_ever = threading.Event()

    def hang() -> list[Finding]:
        for_ever.wait(30)
        return []

    report = examine([Check("dns", NETWORK, hang, seconds=0.05), Check("memory", COMPUTER, lambda: [OK])])
    for_ever.set()
    hung, memory = report.findings
    assert (hung.id, hung.level, memory) == ("dns", "warning", OK)
    assert "no answer within" in hung.found


def test_plain_lines() -> None:
    text = render(Report.of([[OK, WARNING, TAKEN]]), "title", terminal=False)
    assert text == (
        "title\n"
        "computer\n"
        "  ok       memory        8.0 GiB\n"
        "  warning  acceleration  emulation\n"
        "                         What to do: Buy one.\n"
        "ports\n"
        "  failure  port-ssh      LAB-HOST-129: Port 22 is taken\n"
        "                         What to do: Free it.\n"
        "A lab cannot come up here: 1 failure, 1 warning.\n"
    )


def test_the_same_advice_is_given_once() -> None:
    other = NETWORK.failure("charmhub", "No Charmhub", "Go online.", code="LAB-NET-002")
    for terminal in (True, False):
        text = render(Report.of([[NO_STORE, other]]), "title", terminal=terminal, width=100)
        assert text.count("Go online.") == 1
        assert text.index("No Charmhub") < text.index("Go online.")


def test_a_table_for_a_terminal() -> None:
    text = render(Report.of([[OK, TAKEN]]), "title", terminal=True, width=60)
    assert "\x1b[" in text
    assert "Port 22 is taken" in text


@pytest.mark.parametrize(
    ("findings", "text"),
    [
        ([OK], "A lab can come up here."),
        ([OK, WARNING, WARNING], "A lab can come up here: 2 warnings."),
        ([TAKEN, NO_STORE], "A lab cannot come up here: 2 failures."),
    ],
)
def test_the_verdict(findings: list[Finding], text: str) -> None:
    assert verdict(Report.of([findings])) == text
