"""Kubeflow's deployment, its login, and the wait for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import TEMPFAIL, Guest

MODEL = {"name": "kubeflow", "version": "3.4.6", "model-status": {"current": "available"}}

# --- 80-kubeflow --------------------------------------------------------------------------------


def test_kubeflow_is_deployed(guest: Guest) -> None:
    guest.with_model()
    output = guest.carry_out("80-kubeflow")
    assert "::progress 3/3 applications deployed" in output


def test_a_deployment_that_was_cut_short_is_completed(guest: Guest) -> None:
    guest.with_model()
    guest.set({"deploy-breaks": "1"})
    result = guest.run("80-kubeflow", "run")
    assert result.returncode == 0, result.stdout
    assert "charmhub: i/o timeout" in result.stdout
    assert guest.get("applications") == "dex-auth kfp-db oidc-gatekeeper"


def test_all_applications_without_an_end_of_the_deployment_are_not_enough(guest: Guest) -> None:
    guest.with_model()
    guest.set({"applications": "dex-auth kfp-db oidc-gatekeeper"})
    assert not guest.satisfied("80-kubeflow")


def test_the_deployment_of_an_earlier_model_does_not_count(guest: Guest) -> None:
    guest.with_kubeflow()
    for name in ("model", "namespaces/kubeflow"):
        (guest.fake / name).unlink()
    guest.carry_out("70-model")
    assert not guest.satisfied("80-kubeflow")


def test_an_application_that_was_removed_is_deployed_again(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.set({"applications": "dex-auth oidc-gatekeeper"})
    guest.carry_out("80-kubeflow")


@pytest.mark.parametrize(
    "said",
    [
        "ERROR Charm feature requirements cannot be met: juju >= 3.4.3",
        'ERROR selecting releases: charm or bundle not found for channel "9.9/stable", base "amd64"',
    ],
)
def test_what_stays_refused_is_final(guest: Guest, said: str) -> None:
    guest.with_model()
    guest.set({"deploy-says": said})
    result = guest.run("80-kubeflow", "run")
    assert result.returncode == 1
    assert len(guest.calls("juju deploy")) == 1


# --- 85-login -----------------------------------------------------------------------------------


def password(guest: Guest) -> str:
    lines = (guest.lab / "credentials").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)["password"]


def test_the_login_is_generated_and_never_shown(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.set({"no-address": "2"})
    output = guest.carry_out("85-login", LAB_PUBLIC_URL="nip.io")
    secret = password(guest)
    assert len(secret) >= 20
    assert (guest.lab / "credentials").stat().st_mode & 0o777 == 0o600
    assert secret not in output
    assert not [call for call in guest.calls("") if secret in call]
    settings = json.loads(guest.get("config/dex-auth.json"))["settings"]
    assert settings["public-url"]["value"] == "http://10.64.140.43.nip.io"
    assert settings["static-password"]["value"] == secret
    assert list(json.loads(guest.get("config/oidc-gatekeeper.json"))["settings"]) == ["public-url"]
    assert not list((guest.home / "snap/juju/common").iterdir())


def test_the_login_stays_when_something_else_is_mended(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.carry_out("85-login")
    before = password(guest)
    (guest.fake / "config/oidc-gatekeeper.json").unlink()  # as it was before
    guest.set({"config/dex-auth.json": guest.get("config/dex-auth.json").replace(before, "admin")})
    guest.carry_out("85-login")
    assert password(guest) == before


def test_an_edition_without_a_login(guest: Guest) -> None:
    assert guest.satisfied("85-login", LAB_LOGIN_APPS="")


def test_without_a_public_url_only_dex_gets_a_login(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.carry_out("85-login", LAB_PUBLIC_URL="", LAB_LOGIN_APPS="dex-auth")
    settings = json.loads(guest.get("config/dex-auth.json"))["settings"]
    assert settings["public-url"]["source"] == "unset"
    assert settings["static-username"]["value"] == "admin"
    assert settings["static-password"]["value"] == password(guest)


def test_an_option_that_an_application_lacks_is_not_set(guest: Guest) -> None:
    """Since Kubeflow 1.9 the gatekeeper has no public-url."""
    guest.with_kubeflow()
    guest.set({"config/oidc-gatekeeper.json": '{"settings": {"client-id": {"value": "authservice-oidc"}}}'})
    guest.carry_out("85-login")
    assert not [call for call in guest.calls("juju config") if "oidc-gatekeeper --file" in call]
    settings = json.loads(guest.get("config/dex-auth.json"))["settings"]
    assert settings["static-password"]["value"] == password(guest)


def test_no_answer_is_not_an_application_without_options(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.set({"config/oidc-gatekeeper.json": "{}"})
    assert not guest.satisfied("85-login", LAB_LOGIN_APPS="oidc-gatekeeper")


# --- 90-ready -----------------------------------------------------------------------------------


def status(**states: str) -> str:
    """A status in which each application has one unit, whose state may differ: ``kfp_db="active/error"``."""
    applications = {}
    for name, state in states.items():
        own, _, unit = state.partition("/")
        applications[name.replace("_", "-")] = {
            "application-status": {"current": own, "message": "" if own == "active" else f"{own} indeed"},
            "scale": 1,
            "units": {"x/0": {"workload-status": {"current": unit or own, "message": "hook failed"}}},
        }
    return json.dumps({"model": MODEL, "applications": applications})


def later(guest: Guest, directory: Path, *texts: str) -> None:
    """Each question gets the next answer; the last one stays."""
    for number, text in enumerate(texts):
        (directory / f"{number}.json").write_text(text)
    guest.set(
        {
            "status.json": texts[0],
            "next-status": f"n=$(($(cat {directory}/n || echo 0) + 1)); [ ! -e {directory}/$n.json ] || "
            f'{{ echo $n >{directory}/n; cp {directory}/$n.json "$FAKE/status.json"; }}',
        }
    )


def test_waiting_tolerates_errors_and_shows_changes_only(guest: Guest, tmp_path: Path) -> None:
    guest.with_kubeflow()
    slow = status(dex_auth="active", kfp_db="waiting")
    broken = status(dex_auth="error", kfp_db="active/error")
    good = status(dex_auth="active", kfp_db="active")
    later(guest, tmp_path, slow, slow, broken, "not json", good, slow, good)
    result = guest.run("90-ready", "run")
    assert result.returncode == 0, result.stdout
    progress = [line for line in result.stdout.splitlines() if line.startswith("::progress")]
    assert progress == [
        "::progress 1/2 waiting for kfp-db (waiting: waiting indeed)",
        "::progress 0/2 waiting for dex-auth, kfp-db",
        "::progress 2/2 all applications are active",
        "::progress 1/2 waiting for kfp-db (waiting: waiting indeed)",
        "::progress 2/2 all applications are active",
    ]


def test_at_the_deadline_each_late_application_is_named(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.set({"status.json": status(dex_auth="blocked", kfp_db="error", minio="active")})
    result = guest.run("90-ready", "ready", LAB_KUBEFLOW_TIMEOUT="0")
    assert result.returncode == 1
    error = next(line for line in result.stdout.splitlines() if line.startswith("::error"))
    assert "2 of 3 applications are not active" in error
    assert error.index("kfp-db error: error indeed") < error.index("dex-auth blocked")
    assert "pods of kubeflow" in result.stdout


def test_what_helped_others_is_said(guest: Guest) -> None:
    guest.with_kubeflow()
    waits = {"current": "waiting", "message": "Waiting for gateway info relation"}
    guest.set(
        {
            "status.json": json.dumps(
                {"model": MODEL, "applications": {"tensorboard-controller": {"application-status": waits}}}
            )
        }
    )
    result = guest.run("90-ready", "ready", LAB_KUBEFLOW_TIMEOUT="0")
    assert "::hint tensorboard-controller: known issue KI-GATEWAY-INFO, see docs/errors.md" in result.stdout


def test_one_unit_that_is_not_active_is_enough(guest: Guest) -> None:
    guest.with_kubeflow()
    assert guest.satisfied("90-ready")
    guest.set({"status.json": status(dex_auth="active/maintenance")})
    assert not guest.satisfied("90-ready")
    guest.set({"status.json": json.dumps({"model": MODEL, "applications": {}})})
    assert not guest.satisfied("90-ready")
    guest.set({"status.json": json.dumps({"model": MODEL, "applications": {"x": {"status-error": "gone"}}})})
    assert not guest.satisfied("90-ready")


def test_applications_whose_options_were_just_set_are_looked_at_more_than_once(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.carry_out("85-login")
    looks = len(guest.calls("juju status"))
    assert "all applications are active" in guest.carry_out("90-ready")
    assert len(guest.calls("juju status")) >= looks + 3, "Juju calls them active until they have noticed"


def test_a_controller_that_is_away_is_awaited(guest: Guest) -> None:
    guest.with_kubeflow()
    guest.set({"controller-away": "2"})
    result = guest.run("90-ready", "ready")
    assert result.returncode == 0
    assert "::waiting juju to answer" in result.stdout


def test_only_a_passing_failure_is_tried_again(guest: Guest) -> None:
    guest.with_controller()
    guest.set({"namespaces/kubeflow": "uid-foreign", "phase-kubeflow": "Active"})
    assert guest.run("70-model", "run").returncode not in (0, TEMPFAIL)
