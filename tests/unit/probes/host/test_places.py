from __future__ import annotations

import locale
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings
from lab.probes.host import places
from lab.probes.host.places import User, checkout, home, language, letters

ME = User(os.getuid(), "me", "/home/me")


def test_home(tmp_path: Path) -> None:
    [finding] = home({"HOME": str(tmp_path)}, ME)
    assert (finding.level, finding.found) == ("ok", str(tmp_path))


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_no_home(environ: dict[str, str]) -> None:
    [finding] = home(environ, ME)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-123")
    assert finding.advice == "Set it: export HOME=/home/me"


def test_a_home_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    [finding] = home({"HOME": str(tmp_path / "file")}, ME)
    assert (finding.level, "is no directory" in finding.found) == ("failure", True)
    monkeypatch.setattr(places, "writable", lambda _path: False)
    [finding] = home({"HOME": str(tmp_path)}, ME)
    assert (finding.level, "cannot be written to" in finding.found) == ("failure", True)


def test_the_home_of_somebody_else(tmp_path: Path) -> None:
    [finding] = home({"HOME": str(tmp_path)}, User(os.getuid() + 1, "you", "/home/you"))
    assert finding.level == "warning"


def test_checkout(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    lab = settings()
    [finding] = checkout(lab)
    assert finding.level == "ok"
    monkeypatch.setattr(places, "writable", lambda path: path != lab.state_dir)
    [finding] = checkout(lab)
    assert (finding.level, finding.code) == ("failure", "LAB-HOST-124")
    assert str(lab.state_dir) in finding.found


@pytest.mark.parametrize(
    ("path", "level", "words"),
    [
        ("/home/me/lab-1.0_x", "ok", "plain letters"),
        ("/home/mé/my labs, & more", "ok", "' ' '&' ',' 'é'"),
        ("/home/a:b/lab", "warning", "a colon"),
        ("/home/100%/lab", "warning", "has %"),
        ("/home/a\nb/lab", "warning", "no letters"),
        (os.fsdecode(b"/home/\xff/lab"), "warning", "no letters"),
    ],
)
def test_letters(path: str, level: str, words: str) -> None:
    [finding] = letters(Path(path))
    assert (finding.level, words in finding.found) == (level, True)
    finding.found.encode("utf-8")


@pytest.mark.parametrize(
    ("environ", "root", "level"),
    [
        ({"LANG": "de_DE.UTF-8"}, "/home/mé", "ok"),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, "/home/mé", "warning"),
        ({"LANG": ""}, "/home/me", "ok"),
        ({"LANG": "C.utf8"}, "/home/mé", "ok"),
    ],
)
def test_locale(environ: dict[str, str], root: str, level: str) -> None:
    [finding] = language(environ, Path(root), lambda: None)
    assert finding.level == level


def test_a_locale_that_is_not_installed() -> None:
    def unknown() -> None:
        raise locale.Error("unsupported locale setting")

    [finding] = language({"LANG": "tlh.UTF-8"}, Path("/"), unknown)
    assert (finding.level, finding.found) == ("warning", "tlh.UTF-8 is not installed")
