"""The last run of each log decides, and says only what matters."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.plan.journal import Journal
from lab.problems.lines import LIMIT, sift
from lab.problems.logs import read_logs, step_group, vagrant_group
from lab.problems.model import Group

BEGUN = "=== 2026-11-24T12:00:00+00:00 50-juju apply, attempt 1 of 3"
FAILED = "=== 2026-11-24T12:01:00+00:00 failed, 60.0 s"
DONE = "=== 2026-11-24T12:02:00+00:00 done, 60.0 s"


def group(tmp_path: Path, *lines: str) -> Group | None:
    path = tmp_path / "50-juju.log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return step_group(path)


def texts(found: Group | None) -> list[str]:
    assert found is not None
    return [line.text for line in found.lines]


def test_a_failed_run(tmp_path: Path) -> None:
    lines = ("+ snap install juju", "::error It failed.", "::hint Do this.", "::waiting an error", FAILED)
    found = group(tmp_path, BEGUN, *lines)
    assert texts(found) == ["It failed."]
    assert found is not None
    assert (found.title, found.advice) == ("Step 50-juju: failed", "Do this.")
    assert found.time == "2026-11-24T12:01:00+00:00"
    assert found.log == tmp_path / "50-juju.log"


def test_what_went_well_in_the_end_is_no_problem(tmp_path: Path) -> None:
    assert group(tmp_path, BEGUN, "WARNING: storage is not suitable for production", DONE) is None
    assert group(tmp_path, BEGUN, "::error old", FAILED, BEGUN, "all is well", DONE) is None


def test_tries_before_the_one_that_went_well(tmp_path: Path) -> None:
    tried = group(tmp_path, BEGUN, "::error Too early.", BEGUN, "error: not this", DONE)
    assert texts(tried) == ["Too early."]
    assert tried is not None
    assert tried.title == "Step 50-juju: it went well in the end"


def test_scripts_that_are_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "purge-check.log"
    path.write_text("=== 2026-11-24T12:00:00+00:00 purge-check check\nleft: cni0\n" + FAILED + "\n")
    found = step_group(path)
    assert found is not None
    assert found.title == "Purge-check: failed"
    assert texts(found) == ["left: cni0"]


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_an_older_run_does_not_count(tmp_path: Path, outcome: str) -> None:
    older = ("::error older", f"=== 2026-11-24T11:00:00+00:00 {outcome}, 1.0 s")
    assert texts(group(tmp_path, BEGUN, *older, BEGUN, "::error newer", FAILED)) == ["newer"]


def test_a_run_that_was_cut_off(tmp_path: Path) -> None:
    found = group(tmp_path, BEGUN, "one", "two", "::waiting juju")
    assert texts(found) == ["one", "two"]
    assert found is not None
    assert "no end" in found.title


def test_a_log_of_something_else(tmp_path: Path) -> None:
    assert group(tmp_path, "error: no marks") is None
    assert group(tmp_path) is None


def test_lines_come_once_with_their_number() -> None:
    said = [f"12:00:0{n} ERROR pod {n}a1b2c3d4 failed" for n in range(3)]
    lines, more = sift([said[0], "all is well", *said[1:], "W: warning"], "step")
    assert [(line.level, line.text, line.count) for line in lines] == [
        ("error", said[2], 3),
        ("warning", "W: warning", 1),
    ]
    assert more == 0


def test_known_issues_are_kept_before_all_else() -> None:
    known = "error: unable to contact snap store"
    others = [f"error: other {chr(97 + n)}" for n in range(LIMIT + 2)]
    lines, more = sift([known, *others], "step")
    assert [line.text for line in lines] == [known, *others[3:]]
    assert more == 3
    assert [issue.id for issue in lines[0].issues] == ["KI-STORE"]


@pytest.mark.parametrize(
    "text",
    [
        "deployment error-handler created",
        "0/14 waiting for x",
        "+ microk8s enable dns",
        "terror",
        "forewarned",
    ],
)
def test_what_only_looks_like_an_error(text: str) -> None:
    assert sift([text], "step") == ((), 0)


def test_vagrant(tmp_path: Path) -> None:
    log = tmp_path / "vagrant.log"
    up = "$ vagrant up kubeflow --no-provision\n"
    asked = "$ vagrant status kubeflow\nerror: of the question\n=== exit code 1, 0.5 s\n"
    log.write_text(f"{up}error: old\n=== exit code 1, 2.0 s\n{up}error: new\n=== exit code 1, 2.0 s\n{asked}")
    found = vagrant_group(log)
    assert texts(found) == ["error: new"]
    assert found is not None
    assert found.title == "vagrant up: failed with exit code 1"
    log.write_text(f"{up}error: it passed\n=== exit code 0, 2.0 s\n{asked}")
    assert vagrant_group(log) is None
    log.write_text(f"{up}Starting domain.\n")
    assert texts(vagrant_group(log)) == ["Starting domain."]
    log.write_text(asked)
    assert vagrant_group(log) is None


def test_all_logs_newest_last(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "lab.log").write_text("2026-11-24T12:00:00+00:00 error: a notice\n")
    (logs / "10-x.log").write_text(f"{BEGUN}\n::error late\n{FAILED.replace('12:01', '12:09')}\n")
    (logs / "20-x.log").write_text(f"{BEGUN}\n::error early\n{FAILED}\n")
    (logs / "30-x.log").write_text(f"{BEGUN}\n{DONE}\n")
    groups, count = read_logs(tmp_path)
    assert [group.source for group in groups] == ["20-x", "10-x"]
    assert count == 3


def test_the_journal_tells_which_logs_are_of_the_lab_as_it_is(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("10-failed", "20-mended", "30-before", "purge"):
        (logs / f"{name}.log").write_text(f"{BEGUN}\n::error of {name}\n{FAILED}\n")
    assert len(read_logs(tmp_path)[0]) == 4
    journal = Journal(tmp_path / "journal.json", notice=lambda text: pytest.fail(text))
    journal.start("10-failed", "")
    journal.end("10-failed", "failed", seconds=1.0, attempts=1)
    journal.satisfied("20-mended", "")
    assert [group.source for group in read_logs(tmp_path)[0]] == ["10-failed", "purge"]
    journal.clear()
    assert [group.source for group in read_logs(tmp_path)[0]] == ["purge"]


def test_no_logs(tmp_path: Path) -> None:
    assert read_logs(tmp_path / "nothing") == ([], 0)
