"""A lab full of secrets, in whatever state a test wants."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.collect import guest, host
from lab.collect.collector import TASKS, Collection, Collector, Doors
from lab.config import Settings, load_settings
from lab.errors import LabError
from lab.process import Result
from lab.report.events import Event
from lab.report.tasks import Tasks
from lab.transport.base import CommandResult, CommandTimeout, Tunnel

KEY_BODY = "b3BlbnNzaC1rZXktdjEAAAAplantedkey"
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_BODY}\n-----END OPENSSH PRIVATE KEY-----\n"

# Where each is planted says its name.
SECRETS = {
    "login": "pl4nted-login-Yk3",
    "kubeconfig": "pl4nted-kubeconfig-a8",
    "kubeconfig-key": "cGw0bnRlZC1jbGllbnQta2V5",
    "juju": "pl4nted-juju-x99",
    "macaroon": "MDAyM2pl4nted-macaroon",
    "kubernetes": "pl4nted kubernetes/+9",
    "minio": "pl4nt3d",
    "token-file": "pl4nted0token0file",
    "proxy": "pl4nted-proxy",
    "environment": "pl4nted-environment",
    "bearer": "pl4ntedBearer123456",
    "cookie": "pl4nted-cookie",
    "setting": "pl4nted-setting",
    "ssh": KEY_BODY,
}

KUBECONFIG = f"""\
apiVersion: v1
clusters: [{{cluster: {{server: "https://10.0.2.15:16443"}}, name: lab}}]
users:
- name: admin
  user:
    token: {SECRETS["kubeconfig"]}
    client-key-data: {SECRETS["kubeconfig-key"]}
"""
ACCOUNTS = f"""\
controllers:
  uk8sx:
    user: admin
    password: {SECRETS["juju"]}
    macaroons:
    - - i: {SECRETS["macaroon"]}
"""

BY_FORM = ("bearer", "cookie", "setting")
"""Those that no file of the lab has: they are only hidden where something says what they are."""

# All others in one text, some in other spellings; nothing here says that it is a secret.
LEAK = "\n".join(
    [
        *(f"saw {secret} pass by" for name, secret in SECRETS.items() if name not in BY_FORM),
        *(base64.b64encode(f"{'.' * n}{SECRETS['juju']} and more".encode()).decode() for n in range(3)),
        json.dumps({"seen": SECRETS["kubernetes"]}),
    ]
)


def secrets_listing() -> str:
    data = {
        "password": SECRETS["kubernetes"],
        "secretkey": SECRETS["minio"],
        "namespace": "kubeflow",
        "username": "somebody",
    }
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
    return json.dumps({"items": [{"metadata": {"name": "s"}, "data": encoded}]})


def report() -> str:
    """Return what `microk8s inspect` packs, as the guest sends it."""
    file = io.BytesIO()
    members = {
        "inspection-report/sys/ps": LEAK.encode(),
        "inspection-report/args/kube-apiserver": b"--token-auth-file=/x\n" + LEAK.encode(),
        "inspection-report/certs/ca.key": KEY.encode(),
        "inspection-report/old.tar.gz": b"\x1f\x8b" + LEAK.encode(),
        "inspection-report/core": b"\0\0" + LEAK.encode(),
        "../../escape": b"harmless\n",
    }
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return base64.b64encode(file.getvalue()).decode()


PODS = {
    "items": [
        {"metadata": {"namespace": "kubeflow", "name": "good"}, "status": {"phase": "Succeeded"}},
        {
            "metadata": {"namespace": "kubeflow", "name": "fine"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        },
        {
            "metadata": {"namespace": "kubeflow", "name": "bad"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]},
        },
    ]
}


@dataclass
class Guest:
    """A transport to a guest that answers what it is expected to be asked."""

    settings: Settings
    silent: tuple[str, ...] = ()
    """Parts of commands that hang."""
    failing: tuple[str, ...] = ()
    """Parts of commands that end with exit code 1."""
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def run(
        self,
        command: str,
        *,
        timeout: float,
        input: str | None = None,  # noqa: A002 - the protocol's name
        on_line: Callable[[str], None] | None = None,
    ) -> CommandResult:
        assert not self.closed, "nobody asks a guest that was given up"
        assert 0 < timeout <= 480
        self.asked.append(command)
        if any(part in command for part in self.silent):
            raise CommandTimeout(f"it did not end within {timeout:.0f} s", code="LAB-VM-202")
        if any(part in command for part in self.failing):
            return CommandResult(command, 1, "", "microk8s is not running\n", 0.1)
        return CommandResult(command, 0, self._answer(command), "", 0.1)

    def _answer(self, command: str) -> str:
        if "ssh_host_*_key" in command:
            mark = command.split("echo; echo ")[1].split(";")[0]
            login = f"username=admin\npassword={SECRETS['login']}\n"
            tokens = f"{SECRETS['token-file']},admin,admin,system:masters\n"
            texts = (login, KUBECONFIG, ACCOUNTS, tokens, KEY)
            return "".join(f"\n{mark}\n{text}" for text in texts)
        if "get secrets" in command:
            return secrets_listing()
        if "get pods" in command and "-o json" in command:
            return json.dumps(PODS)
        if "base64 --wrap" in command:
            return report()
        if command.startswith("bash -s"):
            return ""  # the status, of which nothing is known then
        known = {**guest.SYSTEM, **guest.KUBERNETES, **guest.juju(self.settings)}.values()
        assert command in known or "--namespace kubeflow bad" in command, f"unexpected: {command}"
        return LEAK

    def close(self) -> None:
        self.closed = True

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> None:
        raise AssertionError("a collection changes nothing")

    def put_text(self, text: str, remote: str, mode: int = 0o600) -> None:
        raise AssertionError("a collection changes nothing")

    def read_text(self, remote: str) -> str:
        raise AssertionError("a collection asks by commands with a deadline")

    def tunnel(self, host: str, port: int, local_port: int = 0) -> AbstractContextManager[Tunnel]:
        raise AssertionError("a collection opens no port")

    def reconnect(self) -> None:
        raise AssertionError("a collection needs no new login")

    def is_alive(self) -> bool:
        return not self.closed


class Bench:
    """A lab, and a collector of it."""

    def __init__(self, root: Path) -> None:
        self.settings: Settings = load_settings(
            root, overrides={"edition": "rehearsal", "bundle": str(root / "bundle")}, environ={}
        )
        self.guest = Guest(self.settings)
        self.state = "running"
        self.refuse: LabError | None = None
        self.events: list[Event] = []
        self.environ = {
            "LAB_TOKEN": SECRETS["environment"],
            "https_proxy": f"http://joe:{SECRETS['proxy']}@proxy:3128",
            "HOME": "/home/x",
        }
        directory = self.settings.make_state_dir()
        (directory / "logs").mkdir()
        (directory / "reports" / "one" / "evidence").mkdir(parents=True)
        (directory / "reports" / "latest").symlink_to("one")
        (directory / "credentials").write_text(f"username=admin\npassword={SECRETS['login']}\n")
        (directory / "kubeconfig").write_text(KUBECONFIG)
        (directory / "id_ed25519").write_text(KEY)
        (directory / "vagrant.log").write_text(LEAK)
        (directory / "journal.json").write_text('{"schema": 1}')
        (directory / "logs" / "10-snapd.log").write_text(
            f"{LEAK}\nAuthorization: Bearer {SECRETS['bearer']}\n"
            f"Cookie: authservice={SECRETS['cookie']}\npassword={SECRETS['setting']}\n"
        )
        (directory / "reports" / "one" / "evidence" / "journal.txt").write_text(LEAK)

    def run(self, path: Path) -> Collection:
        def connect() -> Guest:
            if self.refuse:
                raise self.refuse
            return self.guest

        ways = Doors(
            state=lambda: self.state,
            connect=connect,
            environ=self.environ,
            host=lambda: host.questions(self.settings, self.environ, self._program),
        )
        tasks = Tasks(self.events.append, title="collect", banner="", total=TASKS, again="again")
        return Collector(self.settings, ways, tasks).collect(path)

    @staticmethod
    def _program(argv: Sequence[str], *, timeout: float, **_: Any) -> Result:
        assert 0 < timeout <= 60
        answers: Mapping[str, str] = {"sh": "qemu\nthere is no /dev/kvm\n"}
        return Result(tuple(argv), 0, answers.get(argv[0], f"{argv[0]} 1.0\n"), "", 0.1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    root = tmp_path / "check out"
    root.mkdir()
    return Bench(root)
