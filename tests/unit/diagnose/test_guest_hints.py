"""What the guest's script calls a known issue is one of the catalogue, by the same words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from lab.diagnose.known_issues import first

ROOT = Path(__file__).parents[3]
SAMPLES = yaml.safe_load(Path(__file__).with_name("samples.yaml").read_text(encoding="utf-8"))


def table() -> dict[str, str]:
    source = (ROOT / "provision" / "juju_status.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KNOWN":
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise AssertionError("provision/juju_status.py has no table KNOWN")


@pytest.mark.parametrize(("words", "issue"), table().items())
def test_the_catalogue_says_the_same(words: str, issue: str) -> None:
    assert words in SAMPLES[issue]["text"]
    known = first(f"application waiting: {SAMPLES[issue]['text']}", kind="juju")
    assert known is not None
    assert known.id == issue
