"""What a run of the suite reports: each failure with class and evidence, and where the reports are."""

from __future__ import annotations

import html
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from lab.errors import LabError
from lab.testing import evidence, failures
from lab.testing.failures import MEANINGS, Kind, Surroundings, Verdict
from lab.testing.markers import APPLICATIONS
from lab.testing.run import NAMESPACES, RUN, Run

_VERDICT = "failure_verdict"
_COLUMN = 2
"""Where the class stands in a row of the HTML report: behind result and test."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Class a failure, and attach the evidence."""
    report = yield
    if report.failed and not item.config.option.collectonly:
        namespaces = list(_namespaces(item))
        verdict = _verdict(item.config.stash[RUN], call, namespaces)
        setattr(report, _VERDICT, verdict)
        properties = [("failure_class", str(verdict.kind)), ("failure_reason", verdict.reason)]
        properties += _attach_evidence(item, report, namespaces)
        # The report has a copy of them already, and the one of the teardown is what JUnit's is made of.
        item.user_properties += properties
        report.user_properties += properties
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say whose the failures are, where the reports are, and how to run the failed tests again."""
    run = config.stash[RUN]
    failed = [
        report for outcome in ("failed", "error") for report in terminalreporter.stats.get(outcome) or ()
    ]
    if failed:
        terminalreporter.section("failures by class")
        for line in summary([(report.nodeid, _of(report)) for report in failed]):
            terminalreporter.line(line)
    if run.reports is None:
        return
    terminalreporter.section(run.title)
    terminalreporter.line(f"report:   {config.option.htmlpath}")
    terminalreporter.line(f"JUnit:    {config.option.xmlpath}")
    if failed:
        terminalreporter.line(f"evidence: {run.reports / 'evidence'}")
        terminalreporter.line(f"again:    python -m lab --name {run.lab.name} test --last-failed")


def summary(failed: list[tuple[str, Verdict]]) -> Iterator[str]:
    """Yield the lines that tell whose the failures are: how many of each class, and each with its reason."""
    count = Counter(verdict.kind for _, verdict in failed)
    for kind in Kind:
        if count[kind]:
            yield f"{count[kind]:>3} {kind}: {MEANINGS[kind]}"
    for test, verdict in sorted(failed, key=lambda item: list(Kind).index(item[1].kind)):
        yield f"{verdict.kind:<7} {test}: {verdict.reason}"


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Any) -> None:
    """Head the HTML report with the lab, its edition and the banner word."""
    run = report._config.stash.get(RUN, None)
    report.title = f"Acceptance of {run.title}" if run else "Acceptance"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """Add the column with the class of a failure."""
    cells.insert(_COLUMN, '<th class="sortable" data-column-type="class">Class</th>')


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: Any, cells: list[str]) -> None:
    """Fill the column with the class of a failure."""
    kind, why = "", ""
    if report.failed:
        kind, why = str(_of(report).kind), html.escape(_of(report).reason, quote=True)
    cells.insert(_COLUMN, f'<td class="col-class" title="{why}">{kind}</td>')


@pytest.fixture(scope="session", autouse=True)
def _lab_in_junit(run: Run, record_testsuite_property: Callable[[str, object], None]) -> None:
    for name, value in (("lab", run.lab.name), ("edition", run.lab.edition.name), ("run", run.id)):
        record_testsuite_property(name, value)
    if run.lab.banner:
        record_testsuite_property("banner", run.lab.banner)


def _of(report: Any) -> Verdict:
    # What cannot be collected has no verdict, and is a mistake in the tests.
    found = getattr(report, _VERDICT, None)
    return found if isinstance(found, Verdict) else Verdict(Kind.SUITE, "it could not be collected")


def _verdict(run: Run, call: pytest.CallInfo[None], namespaces: list[str]) -> Verdict:
    kube = run.open_kube
    around = failures.look_around(kube, namespaces) if kube else Surroundings()
    return failures.classify(call.excinfo.value if call.excinfo else None, around)


def _namespaces(item: pytest.Item) -> Iterator[str]:
    """Yield the namespaces that a test has used: its own, and those of profiles."""
    run = item.config.stash[RUN]
    for node in item.listchain():
        yield from node.stash.get(NAMESPACES, [])
    fixtures = getattr(item, "fixturenames", ())
    values = getattr(item, "funcargs", {}).values()
    shared = [name for fixture, name in run.shared_profiles.items() if fixture in fixtures]
    own = [value for value in values if isinstance(value, str) and value in run.profiles]
    yield from dict.fromkeys([*shared, *own])


def _attach_evidence(
    item: pytest.Item, report: pytest.TestReport, namespaces: list[str]
) -> list[tuple[str, str]]:
    run = item.config.stash[RUN]
    applications = [
        name for marker, names in APPLICATIONS.items() if item.get_closest_marker(marker) for name in names
    ]
    try:
        pieces = evidence.gather(
            run.lab,
            run.transport,
            kube=run.open_kube,
            namespaces=namespaces,
            juju=item.get_closest_marker("juju") is not None,
            applications=list(dict.fromkeys(applications)),
        )
    except LabError as error:
        pieces = [evidence.Piece("evidence", f"The lab does not answer any more: {error}")]
    pieces = evidence.without_secrets(pieces, run.lab, os.environ)
    report.sections += [(f"evidence: {piece.title}", piece.text) for piece in pieces]
    if run.reports is None:
        return []
    directory = run.reports / "evidence" / evidence.slug(item.nodeid.rpartition("/")[2])
    evidence.write(pieces, directory)
    return [("evidence", str(directory))]
