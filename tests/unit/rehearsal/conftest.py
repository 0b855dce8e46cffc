"""A builder on a temporary cache, and runners that run nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lab.process import Result
from rehearsal.cache import Cache
from rehearsal.recipe import Job


class FakeRunner:
    """Notes what would have been run, and answers by the first word that matches."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.answers: dict[str, Result | Callable[[Sequence[str]], str]] = {}

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002
        on_line: Callable[[str], None] | None = None,
        log: Path | None = None,
    ) -> Result:
        self.calls.append(tuple(argv))
        answer = self.answers.get(argv[0])
        if isinstance(answer, Result):
            return answer
        text = answer(argv) if answer else ""
        for line in text.splitlines():
            if on_line:
                on_line(line)
        return Result(tuple(argv), 0, text, "", 0.0)


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def job(tmp_path: Path, runner: FakeRunner) -> Job:
    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    return Job(tmp_path / "out", tmp_path / "work", tmp_path / "log", runner, lambda text: None, {})
