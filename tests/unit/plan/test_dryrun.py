"""What a dry run looks at, and the shell that it prints."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.plan.dryrun import Found, look, render
from lab.plan.selection import Selection
from lab.plan.step import Step
from lab.transport.base import CommandResult

PLACE = "/dev/shm/kubeflow-lab.dry-run"
STEPS = (
    Step("10-snapd", Path("10-snapd.sh"), "Install snapd", "Why", ("sudo apt install snapd",), "vm", 60),
    Step("50-juju", Path("50-juju.sh"), "Install Juju", "Why", ("sudo snap install juju",), "juju", 60),
)


class Guest:
    """A transport that knows the questions of a dry run, and refuses whatever would change something."""

    def __init__(self, said: str) -> None:
        self.said = said
        self.asked: list[str] = []
        self.files: list[str] = []

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> None:
        self.files.append(remote)

    def put_text(self, text: str, remote: str, mode: int = 0o600) -> None:
        self.files.append(remote)

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - the protocol's name
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        self.asked.append(command)
        return CommandResult(command, 0, "" if command.startswith("rm ") else self.said, "", 0.1)

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a dry run must not use transport.{name}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "provision").mkdir()
    made = load_settings(tmp_path, overrides={"edition": "rehearsal"}, environ={})
    env = {
        **made.provision_env,
        "LAB_PROXY": "http://me:hunter2@proxy.example:3128",
        "LAB_ADMIN_PASSWORD": "hunter2",
    }
    return made.model_copy(update={"provision_env": env})


def test_the_checks_are_made_beside_what_is_there(settings: Settings) -> None:
    guest = Guest("::checked 10-snapd 0\nsomething\n::checked 50-juju 1\n")
    found = look(guest, settings, STEPS)  # type: ignore[arg-type] # all else of a transport is refused
    assert found.satisfied == {"10-snapd": True, "50-juju": False}
    assert guest.asked == [
        f"export LAB_ENV={PLACE}/lab.env; bash {PLACE}/provision/look.sh 10-snapd 50-juju",
        f"rm -rf {PLACE}",
    ]
    assert all(name.startswith(PLACE) for name in guest.files)


def test_the_purge_is_asked_what_there_is(settings: Settings) -> None:
    guest = Guest("::waiting x\nsnap juju\nsnap microk8s\n")
    found = look(guest, settings, (), purge=True)  # type: ignore[arg-type]
    assert found.left == ("snap juju", "snap microk8s")
    assert guest.asked[0].endswith("/purge.sh check")


def shell(settings: Settings, found: Found, **more: bool) -> str:
    text = render(settings, "up", Selection(STEPS), found, vagrant={"LAB_NAME": "a b"}, **more)
    # It is shell, whatever the settings are.
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, timeout=10)
    return text


def test_what_is_satisfied_is_a_comment(settings: Settings) -> None:
    lines = shell(settings, Found("running", {"10-snapd": True, "50-juju": False}), creates=True).splitlines()
    assert "set -euo pipefail" in lines
    assert "export LAB_NAME='a b'" in lines
    assert "# it runs: vagrant up --no-provision --provider libvirt kubeflow" in lines
    assert lines.index("# documented: sudo apt install snapd") < lines.index(
        "# satisfied: guest 'bash ~/.kubeflow-lab/provision/10-snapd.sh run' </dev/null"
    )
    assert lines[-1] == "guest 'bash ~/.kubeflow-lab/provision/50-juju.sh run' </dev/null"


def test_a_lab_that_is_not_there(settings: Settings) -> None:
    text = shell(settings, Found("not_created", {}), creates=True)
    assert text.startswith("#!/usr/bin/env bash\n# REHEARSAL: what 'up' would do with the lab 'kubeflow'")
    assert "# The VM is not created. Nothing has been changed." in text
    assert "\nvagrant up --no-provision" in text
    assert "# satisfied" not in text


def test_secrets_stay_out(settings: Settings) -> None:
    text = shell(settings, Found("running", {}))
    assert "hunter2" not in text
    assert "http://***@proxy.example:3128" in text


def test_after_a_purge_nothing_is_satisfied(settings: Settings) -> None:
    text = shell(settings, Found("running", {"10-snapd": True}, ("snap juju",)), purge=True)
    assert "# there is: snap juju" in text
    assert text.index("purge.sh apply") < text.index("purge.sh check") < text.index("10-snapd.sh run")
    assert "# satisfied" not in text
