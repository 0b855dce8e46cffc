from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import HostError
from lab.process import Result
from lab.testing.session import _Interruption, main


class FakeLab:
    """Stands in for the lab's own commands and for pytest, and notes what was asked."""

    def __init__(self, *, up: int | Exception = 0, pytest_code: int | BaseException = 0) -> None:
        self.calls: list[str] = []
        self._up = up
        self._pytest_code = pytest_code

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], **_: Any) -> Result:
        assert list(argv[1:3]) == ["-m", "lab"]
        assert env["LAB_NAME"] == "acceptance"
        self.calls.append(argv[3])
        if argv[3] == "up":
            if isinstance(self._up, Exception):
                raise self._up
            return Result(tuple(argv), self._up, "", "", 0.0)
        return Result(tuple(argv), 0, "", "", 0.0)

    def pytest(self, arguments: Sequence[str]) -> int:
        self.calls.append(" ".join(["pytest", *arguments]))
        if isinstance(self._pytest_code, BaseException):
            raise self._pytest_code
        return self._pytest_code


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(lab: FakeLab, *arguments: str, **environ: str) -> int:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("os.environ", dict(environ))
        runner: Any = lab.run
        return main(arguments, environ, root=tmp_path, runner=runner, pytest_main=lab.pytest)

    return run


def test_a_named_lab_is_only_tested(session: Callable[..., int]) -> None:
    lab = FakeLab(pytest_code=1)
    assert session(lab, "-m", "juju", LAB_NAME="mine", LAB_KEEP="never") == 1
    assert lab.calls == ["pytest -m juju tests/acceptance"]


def test_chosen_tests_replace_the_whole_suite(session: Callable[..., int]) -> None:
    lab = FakeLab()
    session(lab, "tests/acceptance/test_30_juju.py::test_model", LAB_NAME="mine")
    assert lab.calls == ["pytest tests/acceptance/test_30_juju.py::test_model"]


@pytest.mark.parametrize(
    ("keep", "code", "taken_down"),
    [
        ("", 0, False),
        ("always", 1, False),
        ("never", 0, True),
        ("never", 1, True),
        ("on-success", 0, False),
        ("on-success", 1, True),
        ("on-failure", 0, True),
        ("on-failure", 1, False),
    ],
)
def test_own_lab(session: Callable[..., int], keep: str, code: int, taken_down: bool) -> None:
    lab = FakeLab(pytest_code=code)
    assert session(lab, LAB_KEEP=keep) == code
    assert lab.calls == ["up", "pytest tests/acceptance", *(["down"] if taken_down else [])]


@pytest.mark.parametrize("up", [30, HostError("no vagrant", code="LAB-HOST-104")])
def test_no_lab_is_no_verdict(
    session: Callable[..., int], capsys: pytest.CaptureFixture[str], up: int | Exception
) -> None:
    lab = FakeLab(up=up)
    assert session(lab, LAB_KEEP="never") == 2
    assert lab.calls == ["up", "down"]
    assert capsys.readouterr().out.strip()


def test_interruption_takes_the_lab_down_too(session: Callable[..., int]) -> None:
    lab = FakeLab(pytest_code=KeyboardInterrupt())
    assert session(lab, LAB_KEEP="never") == 130
    assert lab.calls[-1] == "down"
    lab = FakeLab(up=130)
    assert session(lab, LAB_KEEP="never") == 130


def test_unknown_policy(session: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    lab = FakeLab()
    assert session(lab, LAB_KEEP="sometimes") == 2
    assert lab.calls == []
    assert "always, on-success, on-failure, never" in capsys.readouterr().out


@pytest.mark.parametrize("error", [KeyboardInterrupt(), pytest.exit.Exception("there is no lab")])
def test_ctrl_c_is_not_a_lab_that_cannot_be_tested(error: BaseException) -> None:
    watch = _Interruption()
    with pytest.raises(type(error)) as caught:
        raise error
    watch.pytest_keyboard_interrupt(caught)
    assert watch.seen == isinstance(error, KeyboardInterrupt)
