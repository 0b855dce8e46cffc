from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.probes import guest
from lab.transport.base import CommandResult


class Guest:
    """A transport whose guest answers the status script with canned answers."""

    def __init__(self, answers: dict[str, tuple[int, str, str]]) -> None:
        self.answers = answers
        self.scripts: list[str] = []
        self.depth = ""

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        program, dash_s, dashes, mark, controller, model, *more = command.split()
        assert (program, dash_s, dashes, controller, model) == ("bash", "-s", "--", "uk8sx", "kubeflow")
        assert more in ([], ["known"], ["quick"], ["full"])
        self.depth = "".join(more)
        assert input is not None
        self.scripts.append(input)
        text = "".join(
            f"\n{mark} {name} {code}\n{out}\n{mark} {name} stderr\n{err}"
            for name, (code, out, err) in self.answers.items()
        )
        return CommandResult(command, 0, text, "", 0.1)

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the status must not use transport.{name}")


@pytest.fixture
def make_guest() -> Callable[[dict[str, tuple[int, str, str]]], Guest]:
    return Guest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})


@pytest.fixture
def facts() -> Callable[..., guest.Facts]:
    def make(**answers: tuple[int, str, str]) -> guest.Facts:
        return guest.Facts({name: guest.Answer(*answer) for name, answer in answers.items()})

    return make
