from __future__ import annotations

from pathlib import Path

import pytest
from labkubeflow.common.options import OptionError, Options


def test_a_mounted_secret_is_read(tmp_path: Path) -> None:
    data = tmp_path / "..2024"
    data.mkdir()
    (data / "port").write_text("5556")
    (tmp_path / "..data").symlink_to(data)
    (tmp_path / "port").symlink_to(data / "port")
    options = Options.read(tmp_path)
    assert options.values == {"port": "5556"}
    assert options.integer("port") == 5556


def test_a_secret_that_is_not_mounted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        Options.read(tmp_path / "gone")


def test_values_are_checked() -> None:
    options = Options({"name": "admin", "none": "", "on": "true"})
    assert options.required("name") == "admin"
    assert options.flag("on")
    assert options.text("none") == ""
    for refused in (
        lambda: options.text("other"),
        lambda: options.required("none"),
        lambda: options.integer("name"),
        lambda: options.flag("name"),
    ):
        with pytest.raises(OptionError):
            refused()


def test_values_do_not_show_in_what_is_printed() -> None:
    assert "hidden" not in repr(Options({"static-password": "hidden"}))
