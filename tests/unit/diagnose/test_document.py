"""The rendered reference of errors is the one that belongs to the data, and what it advises exists."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from lab.cli import cli
from lab.diagnose.document import document
from lab.diagnose.known_issues import known_issues
from lab.diagnose.registry import CLASSES, error_codes

ROOT = Path(__file__).parents[3]
COMMAND = re.compile(r"python -m lab ((?:--\w[\w-]* \S+ )*)(?P<name>[a-z]+)(?P<rest>.*)")
ADVICE = {issue.id: issue.fix_markdown for issue in known_issues()} | {
    code: entry.advice_markdown for code, entry in error_codes().items()
}


def test_the_document_is_what_the_data_say() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == document(), "render it: python -m lab.diagnose > docs/errors.md"


def test_the_module_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("lab.diagnose", run_name="__main__")
    assert capsys.readouterr().out == document()


def test_everything_is_in_it() -> None:
    text = document()
    for issue in known_issues():
        assert f"#### {issue.id}\n" in text
        assert all(url in text for url in issue.urls)
    for number in CLASSES.values():
        assert number is None or f"| {number} | " in text


@pytest.mark.parametrize("name", ADVICE)
def test_the_commands_that_are_advised_exist(name: str) -> None:
    assert ADVICE[name].count("`") % 2 == 0
    for part in ADVICE[name].split("`")[1::2]:
        if not (match := COMMAND.fullmatch(part)):
            continue
        command: click.Command | None = cli.commands.get(match["name"])
        assert command is not None, f"there is no command '{part}'"
        if isinstance(command, click.Group):
            command = command.commands[match["rest"].split()[0]]
        known = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
        flags = set(re.findall(r"(?<= )--[a-z][\w-]*", match["rest"]))
        assert match["name"] == "exec" or flags <= known, part


@pytest.mark.parametrize("name", ADVICE)
def test_what_is_to_be_typed_stands_between_backticks(name: str) -> None:
    outside = " ".join(ADVICE[name].split("`")[::2])
    assert not re.search(r"python -m|sudo ", outside), "put the command between backticks"


@pytest.mark.parametrize("name", ADVICE)
def test_the_steps_that_are_named_exist(name: str) -> None:
    for step in re.findall(r"\b\d\d-[a-z][a-z0-9-]*", ADVICE[name]):
        assert (ROOT / "provision" / f"{step}.sh").is_file(), step
