"""What Vagrant is told beside the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.config import Settings
from lab.errors import HostError
from lab.vm.environment import vagrant_environment


def test_a_home_is_found_where_none_is_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/somebody")
    assert "HOME" not in vagrant_environment(settings)
    monkeypatch.delenv("HOME")
    assert Path(vagrant_environment(settings)["HOME"]).is_absolute()


def test_a_user_without_a_home_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "home", refuse)
    with pytest.raises(HostError, match="no home directory") as caught:
        vagrant_environment(settings)
    assert caught.value.code == "LAB-HOST-042"
