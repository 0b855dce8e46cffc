"""A profile, and an API server that is a dictionary."""

from __future__ import annotations

from typing import Any

import pytest

from .fake_kube import FakeKube

PROFILE: dict[str, Any] = {
    "apiVersion": "kubeflow.org/v1",
    "kind": "Profile",
    "metadata": {"name": "ada", "uid": "1234"},
    "spec": {"owner": {"kind": "User", "name": "ada@example.org"}},
}


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube()


@pytest.fixture
def profile() -> dict[str, Any]:
    return {**PROFILE, "spec": dict(PROFILE["spec"])}
