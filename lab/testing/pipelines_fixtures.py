"""The fixtures of the tests of Pipelines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.editions import Images
from lab.gateway import Credentials
from lab.testing import evidence
from lab.testing.kubeflow import Gateway, build_kfp_client
from lab.testing.login import GatewaySession, log_in
from lab.testing.pipelines import Pipelines
from lab.testing.run import Run


@pytest.fixture(scope="session")
def images(run: Run) -> Images:
    """Return the edition's images for the suite's own workloads."""
    return run.lab.edition.images


@pytest.fixture(scope="session")
def packages(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that compiles one of the suite's pipelines, by its name."""
    from lab.testing import flows

    directory = tmp_path_factory.mktemp("pipelines")
    made = {
        "relay": lambda: flows.relay(images.shell),
        "sums": lambda: flows.sums(images.python),
        "failing": lambda: flows.failing(images.shell),
        "unpullable": flows.unpullable,
    }
    return lambda name: flows.compile_to(directory, made[name]())


@pytest.fixture(scope="session")
def pipelines(
    kfp_client: Any,
    gateway: Gateway,
    login: GatewaySession,
    credentials: Credentials,
    profile: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pipelines]:
    """Return Pipelines as the lab's user sees it from outside the cluster, in the user's profile."""
    clients = iter([kfp_client])
    with pytest.MonkeyPatch.context() as patch:

        def connect() -> Any:
            if (first := next(clients, None)) is not None:
                return first
            log_in(login, credentials)
            home = tmp_path_factory.mktemp("kfp")
            return build_kfp_client(f"{gateway.url}/pipeline", login.token, profile, home=home, patch=patch)

        yield Pipelines(connect, profile)


@pytest.fixture(scope="module")
def experiment(run: Run, pipelines: Pipelines, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make an experiment for the runs of one file, and delete it with them at the end."""
    name = evidence.slug(Path(str(request.node.name)).stem.removeprefix("test_"))
    made = pipelines.experiment(f"{name}-{run.id}", f"run {run.id} of the acceptance suite")
    yield made
    pipelines.delete_experiment(made)
