"""The pytest plugin of the acceptance suite.

It finds the lab, stops before the first test with exit code 2 when there is none that could be tested, and
hands the tests their fixtures.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.config import Settings
from lab.errors import LabError
from lab.probes.juju import parse_status
from lab.testing import backend, connection, creation, evidence, manifests
from lab.testing.kube import Kube, KubeError, Object
from lab.testing.markers import GUEST_ONLY, MARKERS
from lab.testing.run import NAMESPACES, RUN, Run
from lab.testing.waiting import Pending, wait_until
from lab.transport.base import Transport

UNUSABLE = 2
"""The exit code when there is no lab that could be tested, as against 1 for a component that fails."""

TEST_TIMEOUT = 900.0
"""Seconds for a test, with its fixtures, that names no limit of its own."""

NAMESPACE_DEADLINE = 120.0

pytest_plugins = ["lab.testing.reporting", "lab.testing.kubeflow"]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the lab; set markers, the default time limit, and where the reports go."""
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    if config.option.timeout is None:
        config.option.timeout = TEST_TIMEOUT
    if config.option.durations is None:
        config.option.durations = 10
    if config.option.log_level is None:
        # What a test waited for belongs to the report of its failure; each login does not.
        config.option.log_level = "INFO"
        logging.getLogger("paramiko").setLevel(logging.WARNING)
    try:
        lab = connection.settings(os.environ)
    except LabError as error:
        pytest.exit(_explain(error), returncode=UNUSABLE)
    os.umask(0o077)  # reports are for the lab's owner
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    reports = None
    # A name that is no lab's leaves nothing behind.
    if lab.state_dir.is_dir() and not config.option.collectonly:
        reports = lab.state_dir / "reports" / run_id
        reports.mkdir(mode=0o700, parents=True)
        if not config.option.xmlpath:
            config.option.xmlpath = str(reports / "junit.xml")
        if not config.option.htmlpath:
            config.option.htmlpath = str(reports / "report.html")
            config.option.self_contained_html = True
    config.stash[RUN] = Run(lab, run_id, reports)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close every connection, and let ``latest`` lead to the newest reports."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    run.close()
    if run.reports is not None:
        link = run.reports.with_name("latest")
        link.unlink(missing_ok=True)
        link.symlink_to(run.reports.name)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which lab is tested."""
    run = config.stash[RUN]
    return [run.title, f"run {run.id}"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each application and of each snap that the edition expects."""
    expect = metafunc.config.stash[RUN].lab.edition.expect
    if "application" in metafunc.fixturenames:
        metafunc.parametrize("application", expect.applications)
    if "snap" in metafunc.fixturenames:
        # So that `-m juju` looks at the snap of that name, too.
        snaps = [
            pytest.param(name, marks=[getattr(pytest.mark, name)] if name in MARKERS else [])
            for name in sorted(expect.snaps)
        ]
        metafunc.parametrize("snap", snaps)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that no ``-m`` could ever choose."""
    for item in items:
        if not any(item.get_closest_marker(name) for name in MARKERS):
            raise pytest.UsageError(f"{item.nodeid} has none of the markers {', '.join(MARKERS)}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Stop here, with one message, when the lab is not fit to be tested."""
    if session.config.option.collectonly or not session.items or session.testsfailed:
        return
    run = session.config.stash[RUN]
    kubernetes = any(item.get_closest_marker(GUEST_ONLY) is None for item in session.items)
    try:
        connection.check(run.lab, run.transport, kubernetes=kubernetes)
        if kubernetes:
            run.kube.request("GET", "/version")
    except LabError as error:
        pytest.exit(_explain(error), returncode=UNUSABLE)


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Run:
    """Return this run of the suite."""
    return request.config.stash[RUN]


@pytest.fixture(scope="session")
def settings(run: Run) -> Settings:
    """Return what the lab is and has to have."""
    return run.lab


@pytest.fixture(scope="session")
def transport(run: Run) -> Transport:
    """Return the way into the guest."""
    return run.transport


@pytest.fixture
def host(run: Run) -> Any:
    """Return testinfra's view of the guest."""
    return backend.get_host(run.lab.name, run.transport)


@pytest.fixture
def kube(run: Run) -> Kube:
    """Return the lab's Kubernetes, with the rights of the guest's user."""
    return run.kube


@pytest.fixture
def namespace(run: Run, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a fresh namespace to one test."""
    yield from _fresh_namespace(run, request.node)


@pytest.fixture(scope="module")
def module_namespace(run: Run, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a fresh namespace to the tests of one file."""
    yield from _fresh_namespace(run, request.node)


@pytest.fixture(scope="session")
def apply(run: Run, request: pytest.FixtureRequest) -> Callable[..., list[Object]]:
    """Return a function that creates the objects of a manifest, by its name, in a namespace.

    It takes values of further placeholders by their names.
    """
    directory = request.config.rootpath / "tests" / "acceptance" / "manifests"

    def create(name: str, namespace: str, **values: str) -> list[Object]:
        images = run.lab.edition.images.model_dump()
        found = manifests.load(directory / name, namespace=namespace, run=run.id, images=images, **values)
        return [creation.create(run.kube, item) for item in found]

    return create


@pytest.fixture(scope="module")
def juju(run: Run) -> dict[str, Any]:
    """Return what ``juju status`` says."""
    model = f"{run.lab.provision_env['LAB_CONTROLLER']}:{run.lab.provision_env['LAB_MODEL']}"
    command = f"/snap/bin/juju status --format json --model {model}"
    return parse_status(run.transport.run(command, timeout=120).check().stdout)


def _fresh_namespace(run: Run, node: Any) -> Iterator[str]:
    kube = run.kube
    short = evidence.slug(node.name.removeprefix("test_").removesuffix(".py"))[:30].strip("-")
    name = f"t-{short}-{secrets.token_hex(2)}"
    run.namespaces.append(name)
    node.stash.setdefault(NAMESPACES, []).append(name)
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {manifests.RUN_LABEL: run.id}},
        }
    )

    def look() -> Object | Pending:
        # Without it the server refuses pods; a controller makes it a moment later.
        return kube.get("v1", "ServiceAccount", "default", name) or Pending("it does not exist yet")

    try:
        wait_until(
            look,
            what=f"the default service account of {name}",
            deadline=NAMESPACE_DEADLINE,
            tolerate=(KubeError,),
        )
        yield name
    finally:
        # Not waited for: the last test proves that nothing is left.
        run.kube.delete("v1", "Namespace", name)


def _explain(error: LabError) -> str:
    return f"{error}\n{error.hint}" if error.hint else str(error)
