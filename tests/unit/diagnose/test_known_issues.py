"""Each known issue is recognised by what others saw, and healthy logs speak of none."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import yaml

from lab.diagnose.known_issues import LAYERS, Kind, KnownIssue, first, known_issues, match

HEALTHY = sorted((Path(__file__).parent / "healthy").glob("*.log"))

SAMPLES: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("samples.yaml").read_text(encoding="utf-8")
)


def sample(name: str) -> tuple[str, Kind]:
    return SAMPLES[name]["text"], cast(Kind, SAMPLES[name]["kind"])


def test_every_issue_has_a_sample() -> None:
    assert list(SAMPLES) == [issue.id for issue in known_issues()]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_is_recognised(name: str) -> None:
    text, kind = sample(name)
    found = first(text, kind=kind)
    assert found is not None
    assert found.id == name


def test_causes_go_before_effects() -> None:
    layers = [LAYERS.index(issue.layer) for issue in known_issues()]
    assert layers == sorted(layers)
    text = "\n".join(sample(name)[0] for name in ("KI-GATEWAY-INFO", "KI-IMAGE-PULL", "KI-INOTIFY"))
    assert [issue.id for issue in match(text, "juju")] == ["KI-INOTIFY", "KI-IMAGE-PULL", "KI-GATEWAY-INFO"]


def test_the_text_nearest_to_the_trouble_decides() -> None:
    near, far = sample("KI-GATEWAY-INFO")[0], sample("KI-INOTIFY")[0]
    issue = first("", near, far, kind="step")
    assert issue is not None
    assert issue.id == "KI-GATEWAY-INFO"
    assert first("all is well", "", kind="step") is None


def test_a_kind_of_text_has_its_own_issues() -> None:
    full = "No space left on device"
    assert [issue.id for issue in match(full, "vagrant")] == ["KI-HOST-DISK"]
    assert [issue.id for issue in match(full, "step")] == ["KI-VM-DISK"]


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_a_healthy_log_speaks_of_none(path: Path) -> None:
    assert match(path.read_text(encoding="utf-8"), "step") == ()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("vagrant", "==> kubeflow: Waiting for machine to boot. This may take a few minutes..."),
        ("vagrant", "    kubeflow: Warning: Connection refused. Retrying..."),
        ("juju", "dex-auth waiting: installing agent"),
        ("juju", "katib-db maintenance: Initialising mysqld"),
        ("juju", "katib-db-manager waiting: Waiting for database"),
        ("juju", 'unit-istio-pilot-0: 07:27:05 INFO juju.worker.uniter.operation ran "install" hook'),
        ("event", 'Normal Pulled pod/coredns-0: Container image "coredns:1.10.1" already present on machine'),
        (
            "event",
            "Warning Unhealthy pod/coredns-0: Readiness probe failed: HTTP probe failed with statuscode: 503",
        ),
    ],
)
def test_what_is_normal_is_no_issue(kind: Kind, text: str) -> None:
    assert match(text, kind) == ()


def test_advice_names_the_issue() -> None:
    issue = known_issues()[0]
    assert issue.advice.splitlines() == [
        f"Known issue {issue.id}: {issue.title}.",
        f"Cause: {issue.cause}",
        f"Fix: {issue.fix}",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "inotify"},
        {"layer": "cloud"},
        {"patterns": {"pod": ["x"]}},
        {"patterns": {"step": []}},
        {"fix": "two\nlines of text"},
        {"links": ["https://github.com/a/b/issues/1"]},
        {"unknown": 1},
    ],
)
def test_the_data_are_checked(change: dict[str, object]) -> None:
    data = known_issues()[0].model_dump(by_alias=True) | change
    with pytest.raises(ValueError, match=next(iter(change))):
        KnownIssue.model_validate(data)
