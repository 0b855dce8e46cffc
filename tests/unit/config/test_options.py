"""Options of applications: who wins, what is refused, and how the scripts get them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import config
from lab.config import Settings, load_settings
from lab.editions import Edition, load_edition
from lab.errors import UsageError


def load(root: Path, text: str = "", variable: str = "") -> Settings:
    (root / "lab.yaml").write_text(text)
    return load_settings(root, overrides={}, environ={"LAB_APPLICATIONS": variable} if variable else {})


def test_none_unless_somebody_says_so(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.applications == {}
    assert settings.provision_env["LAB_APP_CONFIG"] == ""


def test_environment_over_file_over_edition_option_by_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edition(name: str) -> Edition:
        options: dict[str, str | int | bool] = {"launcher-image": "edition", "log-level": "edition"}
        return load_edition(name).model_copy(update={"applications": {"kfp-api": options}})

    monkeypatch.setattr(config, "load_edition", edition)
    text = "applications: {kfp-api: {launcher-image: file, driver-image: file}, minio: {port: 9000}}\n"
    settings = load(tmp_path, text, '{"kfp-api": {"driver-image": "environment"}, "mlmd": {"x.y": true}}')
    assert settings.applications == {
        "kfp-api": {"launcher-image": "file", "log-level": "edition", "driver-image": "environment"},
        "minio": {"port": 9000},
        "mlmd": {"x.y": True},
    }
    assert json.loads(settings.provision_env["LAB_APP_CONFIG"]) == settings.applications


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("applications: 3", "must be applications with options"),
        ("applications: {Kfp_api: {a: b}}", "'Kfp_api' is no name of an application"),
        ("applications: {kfp-api: secret}", "kfp-api must have options"),
        ("applications: {kfp-api: {1: secret}}", "1 of kfp-api is no name of an option"),
        ("applications: {kfp-api: {a: [secret]}}", "kfp-api.a must be text"),
        ("applications: {kfp-api: {a: null}}", "kfp-api.a must be text"),
        ("applications: {kfp-api: {a: 1.5}}", "kfp-api.a must be text"),
        ("applications: {dex-auth: {static-password: secret}}", "belongs to the login"),
        ("applications: {oidc-gatekeeper: {public-url: secret}}", "belongs to the login"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match="'applications' cannot be what it is") as caught:
        load(tmp_path, text)
    assert caught.value.code == "LAB-CFG-006"
    assert said in caught.value.message
    assert "LAB_APPLICATIONS" in caught.value.hint
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("variable", "code"),
    [
        ("{secret", "LAB-CFG-021"),
        ("[1]", "LAB-CFG-006"),
        ('{"a": {"b": null}}', "LAB-CFG-006"),
        ('"secret"', "LAB-CFG-006"),
    ],
)
def test_a_variable_that_is_not_understood(tmp_path: Path, variable: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "applications: {kfp-api: {a: b}}", variable)
    assert caught.value.code == code
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
