"""Step 83: options of applications, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import TEMPFAIL, Guest

STEP = "83-options"
DEFAULT = "gcr.io/ml-pipeline/kfp-launcher@sha256:80cf"
IMAGES = "visualization_server: ''\nfrontend: it's \"here\"\n"


def option(value: object, kind: str = "string", source: str = "default") -> dict[str, Any]:
    return {
        "type": kind,
        "value": value,
        "default": value if source == "default" else "charm's",
        "source": source,
    }


@pytest.fixture
def kubeflow(guest: Guest) -> Guest:
    guest.with_kubeflow()
    guest.set({"applications": "dex-auth kfp-api kfp-profile-controller oidc-gatekeeper"})
    kfp = {
        "launcher-image": option(DEFAULT),
        "cache-enabled": option(True, "boolean"),
        "http-port": option("8888"),
        "workers": option(3, "int"),
        "log-level": option("warning", source="user"),
    }
    profile = {"custom_images": option("visualization_server : ''\nfrontend : ''\n")}
    guest.set(
        {
            "config/kfp-api.json": json.dumps({"settings": kfp}),
            "config/kfp-profile-controller.json": json.dumps({"settings": profile}),
        }
    )
    return guest


def config(**applications: dict[str, object]) -> str:
    """Render the settings; in the guest's file a quote would need care, which render_env takes."""
    text = json.dumps({name.replace("_", "-"): options for name, options in applications.items()})
    return text.replace("'", "'\\''")


def settings(guest: Guest, application: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(guest.get(f"config/{application}.json"))["settings"]
    return {name: entry["value"] for name, entry in found.items()}


def test_without_settings_juju_is_not_even_asked(guest: Guest) -> None:
    assert guest.satisfied(STEP)
    assert guest.satisfied(STEP, LAB_APP_CONFIG="")
    assert guest.calls("juju") == []


def test_options_are_set(kubeflow: Guest) -> None:
    wanted = config(
        kfp_api={
            "launcher-image": "mirror.example/launcher:1",
            "http-port": 8889,
            "workers": 4,
            "cache-enabled": False,
        },
        kfp_profile_controller={"custom_images": IMAGES},
    )
    kubeflow.carry_out(STEP, LAB_APP_CONFIG=wanted)
    found = settings(kubeflow, "kfp-api")
    assert found["launcher-image"] == "mirror.example/launcher:1"
    assert (found["http-port"], found["workers"], found["cache-enabled"]) == ("8889", 4, False)
    assert settings(kubeflow, "kfp-profile-controller")["custom_images"] == IMAGES
    assert not list((kubeflow.home / "snap/juju/common").iterdir())
    assert not [call for call in kubeflow.calls("") if "mirror.example" in call], (
        "values are not for everybody's eyes"
    )


def test_what_is_so_already_is_left_alone(kubeflow: Guest) -> None:
    assert kubeflow.satisfied(STEP, LAB_APP_CONFIG=config(kfp_api={"launcher-image": DEFAULT, "workers": 3}))
    wanted = config(kfp_profile_controller={"custom_images": "visualization_server : ''\nfrontend : ''"})
    assert kubeflow.satisfied(STEP, LAB_APP_CONFIG=wanted), "Juju may keep the end of a text block or not"


def test_what_is_not_named_any_more_goes_back(kubeflow: Guest) -> None:
    kubeflow.carry_out(STEP, LAB_APP_CONFIG=config(kfp_api={"launcher-image": "a", "log-level": "debug"}))
    kubeflow.carry_out(STEP, LAB_APP_CONFIG=config(kfp_api={"launcher-image": "b", "log-level": "debug"}))
    kubeflow.carry_out(STEP, LAB_APP_CONFIG=config(kfp_api={"log-level": "debug"}))
    assert settings(kubeflow, "kfp-api")["launcher-image"] == DEFAULT
    kubeflow.carry_out(STEP)
    assert settings(kubeflow, "kfp-api")["log-level"] == "warning", "what the bundle had set"
    assert len(kubeflow.calls("juju config --model uk8sx:kubeflow kfp-api --reset launcher-image")) == 1
    asked = len(kubeflow.calls("juju"))
    assert kubeflow.satisfied(STEP)
    assert len(kubeflow.calls("juju")) == asked, "nothing is left to ask for"


def test_an_attempt_that_was_cut_short_keeps_the_old_value(kubeflow: Guest) -> None:
    wanted = config(kfp_api={"launcher-image": "a"})
    kubeflow.remember("options", json.dumps({"kfp-api": {"launcher-image": None}}))
    kubeflow.carry_out(STEP, LAB_APP_CONFIG=wanted)
    kubeflow.carry_out(STEP)
    assert settings(kubeflow, "kfp-api")["launcher-image"] == DEFAULT


@pytest.mark.parametrize(
    ("wanted", "said", "hint"),
    [
        (config(kfp_api={"launcher-imge": "a"}), "kfp-api has no option 'launcher-imge'", "launcher-image"),
        (config(kfp_apy={"launcher-image": "a"}), "There is no application kfp-apy", "kfp-api"),
        (
            config(kfp_api={"workers": "many"}),
            "Juju does not take the options of kfp-api",
            "Mend 'applications'",
        ),
    ],
)
def test_what_cannot_be_set_is_told_at_once(kubeflow: Guest, wanted: str, said: str, hint: str) -> None:
    result = kubeflow.run(STEP, "apply", LAB_APP_CONFIG=wanted)
    assert result.returncode == 1, result.stdout
    assert said in next(line for line in result.stdout.splitlines() if line.startswith("::error"))
    assert hint in result.stdout


def test_an_application_that_went_takes_its_notes_with_it(kubeflow: Guest) -> None:
    kubeflow.remember("options", json.dumps({"seldon": {"image": "old"}}))
    kubeflow.carry_out(STEP)


def test_a_controller_that_is_away_is_tried_again(kubeflow: Guest) -> None:
    kubeflow.set({"controllers/uk8sx": "away"})
    result = kubeflow.run(STEP, "apply", LAB_APP_CONFIG=config(kfp_api={"launcher-image": "a"}))
    assert result.returncode == TEMPFAIL, result.stdout
