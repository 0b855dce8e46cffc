"""The rendered reference of the steps is the one that belongs to the scripts."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from lab.cli import cli

ROOT = Path(__file__).parents[3]


def test_the_document_is_what_the_scripts_say() -> None:
    rendered = CliRunner().invoke(cli, ["plan", "--format", "markdown"], catch_exceptions=False)

    assert rendered.exit_code == 0
    assert (ROOT / "docs" / "steps.md").read_text(encoding="utf-8") == rendered.stdout
