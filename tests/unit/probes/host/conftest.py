from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.probes.host.web import Answer, NoAnswer
from lab.process import Result


class Programs:
    """A host with these programs, which answer what is written here and nothing else."""

    def __init__(self, answers: Mapping[str, tuple[int, str, str]]) -> None:
        self.answers = answers
        self.environments: list[Mapping[str, str]] = []

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
        assert 0 < timeout <= 60
        assert (cwd, input, on_line, log) == (None, None, None, None)
        self.environments.append(env or {})
        code, out, err = self.answers[" ".join(argv)]
        return Result(tuple(argv), code, out, err, 0.1)

    def find(self, name: str) -> str | None:
        there = any(name in command.split() for command in self.answers)
        return f"/usr/bin/{name}" if there else None


class Web:
    """Web services that answer what is written here, by the beginning of their address."""

    def __init__(self, answers: Mapping[str, Answer | NoAnswer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []

    def __call__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        timeout: float = 8.0,
    ) -> Answer:
        assert 0 < timeout <= 10
        self.asked.append((method, url))
        self.headers.append(headers or {})
        answer = next(answer for start, answer in self.answers.items() if url.startswith(start))
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


@pytest.fixture
def programs() -> Callable[[Mapping[str, tuple[int, str, str]]], Programs]:
    return Programs


@pytest.fixture
def web() -> Callable[[Mapping[str, Answer | NoAnswer]], Web]:
    return Web


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**environ: object) -> Settings:
        variables = {f"LAB_{key.upper()}": str(value) for key, value in environ.items()}
        return load_settings(tmp_path, overrides={}, environ=variables)

    return make
