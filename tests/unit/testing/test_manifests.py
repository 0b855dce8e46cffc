from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.testing.manifests import RUN_LABEL, load

MANIFESTS = sorted((Path(__file__).parents[2] / "acceptance" / "manifests").glob("*.yaml"))
IMAGES = {"shell": "example/shell:1", "http": "example/http:1", "python": "example/python:1"}
VALUES = {"owner": "somebody", "kfp_version": "2.9.0"}
"""For the placeholders that only some manifests have."""


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_each_manifest_is_complete_and_marked(path: Path) -> None:
    objects = load(path, namespace="ns-1", run="run-1", images=IMAGES, **VALUES)
    assert objects
    for item in objects:
        assert item["metadata"]["labels"][RUN_LABEL] == "run-1"
        if item["kind"] == "Pod":
            check_pod(item["spec"])
        if item["kind"] == "Experiment":
            template = item["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]
            # A sidecar that never ends would keep the trial from ending.
            assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
            check_pod(template["spec"])


def check_pod(spec: Mapping[str, Any]) -> None:
    for container in spec["containers"]:
        assert container["image"] in IMAGES.values()
        # A lab without a registry has the images already, and nothing to pull from.
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_what_is_for_katib_to_fill_in_is_left_to_it() -> None:
    path = next(path for path in MANIFESTS if path.name == "katib-grid.yaml")
    [item] = load(path, namespace="ns-1", run="run-1", images=IMAGES)
    container = item["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][-2:] == ["--x=${trialParameters.x}", "--y=${trialParameters.y}"]


def test_there_are_manifests() -> None:
    assert len(MANIFESTS) > 5


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("metadata: {name: ${other}}", KeyError),
        ("{kind: Pod, metadata: {name: x, namespace: ns}}", ValueError),
        (
            "{kind: Pod, metadata: {name: x, namespace: default, labels: {kubeflow-lab.dev/run: r}}}",
            ValueError,
        ),
        ("{kind: Profile, metadata: {name: x, labels: {kubeflow-lab.dev/run: r}}}", ValueError),
    ],
)
def test_wrong_manifests_are_refused(tmp_path: Path, text: str, error: type[Exception]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error):
        load(path, namespace="ns", run="r", images=IMAGES)


def test_a_profile_is_in_no_namespace_but_makes_the_test_s(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    text = (
        "{kind: Profile, metadata: {name: '${namespace}', labels: {kubeflow-lab.dev/run: r}}, o: '${owner}'}"
    )
    path.write_text(text, encoding="utf-8")
    [item] = load(path, namespace="ns", run="r", images={}, owner="me@lab.test")
    assert (item["metadata"]["name"], item["o"]) == ("ns", "me@lab.test")
