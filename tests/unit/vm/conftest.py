"""A Vagrant of paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.config import Settings, load_settings
from lab.process import Result

SSH_CONFIG = """\
Host kubeflow
  HostName 127.0.0.1
  User vagrant
  Port {port}
  UserKnownHostsFile /dev/null
  IdentityFile "{key}"
"""

CHATTER = """\
Bringing machine 'kubeflow' up with 'libvirt' provider...
==> kubeflow: Creating domain with the following settings...
==> kubeflow:  -- Name:              lab-1234-kubeflow
==> kubeflow:     -> value=-netdev,
==> kubeflow: Running action triggers before up ...
==> kubeflow: Starting domain.
    kubeflow: SSH username: vagrant
"""


@dataclass
class FakeVagrant:
    """Answers the commands it knows, as Vagrant does, and notes them; refuses all others."""

    data: Path
    port: int = 1
    state: str = "not_created"
    fail: str = ""
    calls: list[tuple[str, ...]] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeouts: list[float] = field(default_factory=list)

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - the runner's name for it
        on_line: Callable[[str], None] | None = None,
        log: Path | None = None,
    ) -> Result:
        assert argv[0] == "vagrant"
        assert log is not None
        assert log.name == "vagrant.log"
        words = tuple(argv[1:])
        self.calls.append(words)
        self.timeouts.append(timeout)
        self.environment = env or {}
        if self.fail:
            return Result(tuple(argv), 1, "", self.fail, 0.1)
        stdout = self._answer(words)
        if on_line:
            for line in CHATTER.splitlines():
                on_line(line)
        return Result(tuple(argv), 0, stdout, "", 0.1)

    def _answer(self, words: tuple[str, ...]) -> str:
        key = self.data / "private_key"
        match words:
            case ("up", "kubeflow", "--no-provision", "--provider=libvirt"):
                self.data.mkdir(parents=True, exist_ok=True)
                (self.data / "id").write_text("1234")
                key.write_text("secret")
                self.state = "running"
            case ("status", "--machine-readable", "kubeflow"):
                return (
                    "17,kubeflow,metadata,provider,libvirt\n17,kubeflow,provider-name,libvirt\n"
                    f"17,kubeflow,state,{self.state}\n17,kubeflow,state-human-short,{self.state}\n"
                    "17,,ui,info,Current machine states\n"
                )
            case ("ssh-config", "kubeflow"):
                return SSH_CONFIG.format(key=key, port=self.port)
            case ("suspend", "kubeflow"):
                self.state = "paused"
            case ("snapshot", "list", "kubeflow"):
                return self._list()
            case ("snapshot", "save", *force, "kubeflow", name):
                assert force in ([], ["--force"])
                assert force or name not in self.snapshots, "Vagrant would refuse"
                self.snapshots[name] = self.state
            case ("snapshot", "restore", "--no-provision", "kubeflow", name):
                self.state = self.snapshots[name]
            case ("snapshot", "delete", "kubeflow", name):
                del self.snapshots[name]
            case ("halt", "kubeflow"):
                self.state = "shutoff"
            case ("reload", "kubeflow", "--no-provision"):
                pass
            case ("destroy", "kubeflow", "--force"):
                self.state = "not_created"
                (self.data / "id").unlink(missing_ok=True)
            case _:
                raise AssertionError(f"unexpected: vagrant {' '.join(words)}")
        return ""

    def _list(self) -> str:
        if self.snapshots:
            return "".join(f"{line}\n" for line in ("==> kubeflow: ", *self.snapshots))
        return (
            "==> kubeflow: No snapshots have been taken yet!\n"
            "    kubeflow: You can take a snapshot using `vagrant snapshot save`.\n"
        )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    root = tmp_path / "check out"
    root.mkdir()
    return load_settings(
        root,
        overrides={
            "edition": "rehearsal",
            "provider": "libvirt",
            "bundle": str(tmp_path / "bundle"),
            "cpus": 3,
        },
        environ={"LAB_PORTS_HTTP": "8080"},
    )


@pytest.fixture
def vagrant(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeVagrant:
    monkeypatch.setattr("vagrant.get_vagrant_executable", lambda: "vagrant")
    return FakeVagrant(settings.root / ".vagrant" / "machines" / "kubeflow" / "libvirt")
