"""The command line, on a cache with recipes that build nothing much."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.errors import HostError
from rehearsal import bundle, cli, host
from rehearsal.progress import Progress
from rehearsal.recipe import Job, Recipe
from rehearsal.workers import Event


def make(job: Job) -> None:
    job.say("half-way")
    (job.out / "file").write_text("content")


LOWER = Recipe("lower", "the lower thing", {"recipe": "1"}, make)
GOAL = Recipe("bundle", "the whole", {"recipe": "1"}, make, (LOWER,))


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bundle, "recipe", lambda: GOAL)
    monkeypatch.setattr(host, "check", lambda cache: None)
    return tmp_path / "kubeflow-lab"


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.cli, arguments)
    if isinstance(result.exception, HostError):
        raise result.exception
    return result.exit_code, result.output


def test_build_then_nothing_to_build(places: Path) -> None:
    code, output = call()
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == "[1/2] 0:00  the lower thing"
    assert any("lower: half-way" in line for line in lines)
    assert any("[2/2]" in line and "bundle: done" in line for line in lines)
    assert lines[-1].startswith("bundle built in ")
    code, output = call("build")
    assert output == f"bundle up to date: {places}/bundles/rehearsal -> {GOAL.name}\n"


def test_path(places: Path) -> None:
    with pytest.raises(HostError, match="no bundle"):
        call("path")
    call("build")
    assert call("path") == (0, f"{places}/build/{GOAL.name}\n")


def test_path_of_an_old_bundle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    call("build")
    newer = Recipe("bundle", "the whole", {"recipe": "2"}, make)
    monkeypatch.setattr(bundle, "recipe", lambda: newer)
    code, output = call("path")
    assert code == 0
    assert "older than its sources" in output
    assert GOAL.name in output


def test_what_verify_finds_is_built_again(places: Path) -> None:
    call("build")
    assert call("verify")[0] == 0
    for name in (LOWER.name, GOAL.name):
        (places / "build" / name / "file").write_text("CONTENT")
    code, output = call("verify")
    assert (code, output.count("broken")) == (10, 2)
    call("build")
    assert call("verify")[0] == 0


def test_clean_keeps_what_is_in_use(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    call("build")
    newer = Recipe("bundle", "the whole", {"recipe": "2"}, make)
    monkeypatch.setattr(bundle, "recipe", lambda: newer)
    assert call("clean") == (0, f"in use   {LOWER.name}\n"), "another checkout used it lately"
    os.utime(places / "build" / LOWER.name, (0, 0))
    code, output = call("clean")
    assert (code, output) == (0, f"removed  {LOWER.name}\n"), (
        "the published one is in use, new sources or not"
    )
    assert (places / "build" / GOAL.name).is_dir()


def test_clean_removes_nothing_from_under_a_build(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = []

    def clean_up(job: Job) -> None:
        # As a checkout with other sources, which need nothing of this.
        with monkeypatch.context() as other:
            other.setattr(bundle, "recipe", lambda: Recipe("bundle", "the whole", {"recipe": "2"}, make))
            output.append(call("clean", "--all")[1])
        assert (job.needs["lower"] / "file").read_text() == "content"
        (job.out / "said").write_text(output[0])

    goal = Recipe("bundle", "the whole", {"recipe": "3"}, clean_up, (LOWER,))
    monkeypatch.setattr(bundle, "recipe", lambda: goal)
    assert call("build")[0] == 0
    assert (places / "build" / goal.name / "said").read_text().startswith(f"in use   {LOWER.name}\n")


def test_a_missing_program_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("shutil.which", lambda name, path: None if name == "mksquashfs" else f"/bin/{name}")
    with pytest.raises(HostError, match="mksquashfs") as failure:
        host.check(tmp_path)
    assert failure.value.hint == "sudo apt-get install squashfs-tools"


def test_a_full_disk_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("shutil.which", lambda name, path: f"/bin/{name}")
    host.check(tmp_path / "new")
    monkeypatch.setattr(host, "NEEDED_BYTES", 1 << 60)
    with pytest.raises(HostError, match="GiB left"):
        host.check(tmp_path)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_status_line() -> None:
    screen = Terminal()
    progress = Progress([LOWER, GOAL], screen)
    progress.tell(Event(LOWER, "started"))
    progress.tell(Event(LOWER, "detail", "half-way", 61.0))
    assert "lower: half-way (1:01)" in screen.getvalue().rpartition("\r")[2]
    assert screen.getvalue().count("\n") == 1, "details do not scroll by"
    progress.tell(Event(LOWER, "waiting", "another process is building it"))
    progress.tell(Event(LOWER, "built", seconds=62.0))
    progress.close()
    assert "lower: done in 62 s\n" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_log_says_now_and_then_that_the_build_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    progress = Progress([LOWER, GOAL], log)
    progress.tell(Event(LOWER, "started"))
    progress.tell(Event(LOWER, "detail", "compiling", 5.0))
    before = log.getvalue()
    progress.tick()
    assert log.getvalue() == before
    monkeypatch.setattr("rehearsal.progress.QUIET", 0.0)
    progress.tick()
    assert log.getvalue().removeprefix(before) == "      0:00  lower: compiling (0:05)\n"
