"""Headers are read strictly: what is misspelt must not be passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.plan.catalogue import load_steps
from lab.plan.step import parse_step

WHOLE = """\
#!/usr/bin/env bash
# title: Install MicroK8s
# why: Everything runs on it. More
#   of the reason.
# documented: sudo snap install microk8s --classic --channel=1.29/stable
# documented: microk8s status
#
# layer: microk8s
# timeout: 900
# retries: 3
# session: new
set -eu
# nonsense: far below the header
"""


def write(directory: Path, text: str, name: str = "20-microk8s.sh") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_header(tmp_path: Path) -> None:
    step = parse_step(write(tmp_path, WHOLE))
    assert step.name == "20-microk8s"
    assert step.title == "Install MicroK8s"
    assert step.why == "Everything runs on it. More of the reason."
    assert step.documented == (
        "sudo snap install microk8s --classic --channel=1.29/stable",
        "microk8s status",
    )
    assert (step.layer, step.timeout, step.retries, step.new_session) == ("microk8s", 900, 3, True)


def test_what_may_be_left_out(tmp_path: Path) -> None:
    text = "# title: A\n# why: B\n# layer: vm\n# timeout: 5\n\n# remark: no header any more\n"
    step = parse_step(write(tmp_path, text))
    assert (step.documented, step.retries, step.new_session) == ((), 0, False)


def test_the_fingerprint_is_the_script_s(tmp_path: Path) -> None:
    one = parse_step(write(tmp_path, WHOLE)).fingerprint
    assert parse_step(write(tmp_path, WHOLE)).fingerprint == one
    assert parse_step(write(tmp_path, WHOLE + "true\n")).fingerprint != one


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# retries", "# retry", r"line 9: unknown key 'retry'; did you mean 'retries'\?"),
        ("# session: new", "# once: yes", "line 10: unknown key 'once'"),
        ("# timeout: 900", "# timeout: soon", "'timeout' must be a whole number, not 'soon'"),
        ("# timeout: 900\n", "", "lacks 'timeout'"),
        ("# title: Install MicroK8s", "# title:", "lacks 'title'"),
        ("# layer: microk8s", "# layer: cloud", "no layer 'cloud', only host, vm"),
        ("# session: new", "# session: old", "session can be 'new', not 'old'"),
        ("# session: new", "# layer: vm", "line 10: 'layer' is there twice"),
        ("# session: new", "#session: new", "is neither"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    path = write(tmp_path, WHOLE.replace(old, new, 1).replace("#\n", "", 1))
    with pytest.raises(UsageError, match=said) as caught:
        parse_step(path)
    assert caught.value.code == "LAB-PLAN-001"


def test_steps_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("50-juju.sh", "10-snapd.sh", "lib.sh", "run.sh", "purge.sh"):
        write(tmp_path, WHOLE, name)
    assert [step.name for step in load_steps(tmp_path)] == ["10-snapd", "50-juju"]


def test_two_steps_cannot_have_one_number(tmp_path: Path) -> None:
    for name in ("10-a.sh", "10-b.sh"):
        write(tmp_path, WHOLE, name)
    with pytest.raises(UsageError, match="'10-a' and '10-b' have the same number"):
        load_steps(tmp_path)


def test_no_steps_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no steps"):
        load_steps(tmp_path)


def test_the_project_s_own_steps() -> None:
    steps = load_steps(Path(__file__).parents[3] / "provision")
    assert steps[0].name == "05-network"
    assert any(step.new_session for step in steps)
    assert any("juju deploy kubeflow" in line for step in steps for line in step.documented)
