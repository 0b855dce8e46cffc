"""Every error code in the sources is in the registry, and the other way round; each has one meaning."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import errors
from lab.diagnose.registry import error_codes
from lab.errors import LabError

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"LAB-[A-Z0-9]+-\d{3}\b")
STEPS = {ROOT / "lab" / "plan" / name for name in ("engine.py", "wake.py")}
"""Where the layer decides the class."""


@dataclass(frozen=True)
class Use:
    """A code in the sources; ``error`` is the class it is raised with, where that can be read there."""

    code: str
    path: Path
    line: int
    error: type[LabError] | None

    def __str__(self) -> str:
        return f"{self.code} in {self.path.relative_to(ROOT)}:{self.line}"


class Reader(ast.NodeVisitor):
    """Finds the codes of one module, with the classes of their errors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uses: list[Use] = []
        self._errors: dict[ast.AST, type[LabError]] = {}
        self._bases: list[ast.expr] = []
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        self._module = importlib.import_module(name.removesuffix(".__init__"))

    def _class(self, node: ast.expr | None) -> type[LabError] | None:
        if not isinstance(node, ast.Name):
            return None
        found = getattr(self._module, node.id, None) or getattr(errors, node.id, None)
        return found if isinstance(found, type) and issubclass(found, LabError) else None

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        named = {
            item.target.id: item.value
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value
        }
        if "CODE" in named and (error := self._class(named.get("ERROR"))):
            self._errors[named["CODE"]] = error
        before, self._bases = self._bases, node.bases
        self.generic_visit(node)
        self._bases = before

    def visit_Call(self, node: ast.Call) -> None:
        code = next((keyword.value for keyword in node.keywords if keyword.arg == "code"), None)
        if code is not None:
            if isinstance(node.func, ast.Attribute) and node.func.attr == "check":
                error = self._class(node.args[0] if node.args else None)
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "failure":
                # A finding of `lab doctor`.
                assert isinstance(node.func.value, ast.Name)
                error = getattr(self._module, node.func.value.id).raises
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
                error = self._class(self._bases[0])
            else:
                error = self._class(node.func)
            if error:
                self._errors[code] = error
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        for code in CODE.findall(node.value) if isinstance(node.value, str) else ():
            self.uses.append(Use(code, self.path, node.lineno, self._errors.get(node)))


def uses() -> Iterator[Use]:
    for package in ("lab", "rehearsal"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            # What is packed into snaps and images is no part of the package, and has no codes.
            if not CODE.search(text):
                continue
            reader = Reader(path)
            reader.visit(ast.parse(text))
            yield from reader.uses
        for path in sorted((ROOT / package).rglob("*.rb")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield from (Use(code, path, number, None) for code in CODE.findall(line))


@pytest.fixture(scope="module")
def found() -> dict[str, list[Use]]:
    by_code = defaultdict(list)
    for use in uses():
        by_code[use.code].append(use)
    return dict(by_code)


def test_every_code_is_registered(found: dict[str, list[Use]]) -> None:
    missing = [str(found[code][0]) for code in sorted(set(found) - set(error_codes()))]
    assert not missing, "write an entry into lab/diagnose/errors.yaml for each of these"


def test_no_code_has_two_entries() -> None:
    # YAML would silently take the last.
    text = (ROOT / "lab" / "diagnose" / "errors.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^(LAB-\S+):", text, flags=re.MULTILINE)
    assert sorted(entries) == sorted(error_codes())


def test_every_registered_code_is_used(found: dict[str, list[Use]]) -> None:
    assert not set(error_codes()) - set(found), "remove these from lab/diagnose/errors.yaml"


def test_a_code_belongs_to_one_module(found: dict[str, list[Use]]) -> None:
    for all_uses in found.values():
        modules = {use.path for use in all_uses}
        assert len(modules) == 1, (
            f"two meanings, or one that is written twice: {', '.join(map(str, all_uses))}"
        )


def test_the_classes_agree(found: dict[str, list[Use]]) -> None:
    unread = []
    for code, all_uses in found.items():
        if code not in error_codes():
            continue
        expected = error_codes()[code].exit_code
        for use in all_uses:
            if use.error is not None:
                assert use.error.exit_code == expected, f"{use} is raised as {use.error.__name__}"
            elif use.path not in STEPS:
                unread.append(code)
    # What is not raised where it is written.
    assert sorted(unread) == ["LAB-BUG-001", "LAB-HOST-205", "LAB-INT-001"]


def test_steps_have_the_class_of_their_layer(found: dict[str, list[Use]]) -> None:
    of_steps = {code for code, entry in error_codes().items() if entry.kind == "step"}
    assert of_steps == {code for code, (use, *_) in found.items() if use.path in STEPS and use.error is None}


def test_the_reader_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        'raise VMError("x", code="LAB-VM-801")\nresult.check(HostError, code="LAB-VM-802")\n"LAB-VM-803: x"\n'
    )
    reader = Reader(ROOT / "lab" / "errors.py")
    reader.visit(ast.parse(source))
    assert [(use.code, use.error) for use in reader.uses] == [
        ("LAB-VM-801", errors.VMError),
        ("LAB-VM-802", errors.HostError),
        ("LAB-VM-803", None),
    ]
