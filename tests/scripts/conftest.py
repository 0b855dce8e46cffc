"""A guest of fake programs, in which the real scripts run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROVISION = Path(__file__).parents[2] / "provision"
FAKES = Path(__file__).parent / "fakes"
SYSTEM_PROGRAMS = ["apt-get", "blkid", "dpkg-query", "fstrim", "getent", "gpasswd", "groupdel"]
SYSTEM_PROGRAMS += ["hostname", "ip", "iptables-nft-restore", "iptables-nft-save", "journalctl", "kill"]
SYSTEM_PROGRAMS += ["mount", "mountpoint", "sync", "sysctl", "systemctl", "umount", "update-ca-certificates"]
SYSTEM_PROGRAMS += ["usermod"]
TEMPFAIL = 75


class Guest:
    """A directory that plays the guest: its files below ``root``, the fakes' state below ``fake``."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.fake = directory / "fake"
        self.home = directory / "home"
        self.lab = self.home / ".kubeflow-lab"
        self.programs = directory / "programs"
        self.snap_bin = directory / "snap-bin"
        for path in (self.root, self.fake / "snaps", self.lab, self.programs, self.snap_bin):
            path.mkdir(parents=True)
        for program in FAKES.iterdir():
            shutil.copy(program, self.programs)
        # Itself, not a wrapper that first looks which Python is wanted.
        (self.programs / "python3").symlink_to(Path(sys.executable).resolve())
        for name in SYSTEM_PROGRAMS:
            (self.programs / name).symlink_to("system")
        for name in (
            "etc/apt/apt.conf.d",
            "etc/ssl/certs",
            "etc/sysctl.d",
            "etc/systemd/system",
            "proc/self",
            "proc/sys/fs/inotify",
            "sys/fs/cgroup",
            "usr/sbin",
        ):
            (self.root / name).mkdir(parents=True)
        self.file("etc/environment", "LANG=C.UTF-8")
        self.file("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm")
        self.file("usr/sbin/update-ca-certificates", "").chmod(0o755)
        self.file("proc/self/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw")
        self.file("proc/sys/fs/inotify/max_user_instances", "128")
        self.file("proc/sys/fs/inotify/max_user_watches", "14180")
        self.set(
            {
                "hostname": "kubeflow",
                "groups-of-session": "lab sudo",
                "groups-of-user": "lab sudo",
                "version-snapd": "2.57.6",
                "version-microk8s": "v1.29.15",
                "version-juju": "3.4.6",
                "version-controller": "3.4.6",
                "version-core20": "20240911",
                "cluster-id": "cluster-1",
                "address": "192.168.121.5",
                "node": "True",
                "links": "1: lo: <LOOPBACK,UP> mtu 65536\n2: eth0: <UP> mtu 1500",
                "default-route": "default via 192.168.121.1 dev eth0",
                "packaged": "",
            }
        )
        self.settings: dict[str, str] = {}

    def set(self, state: dict[str, str]) -> None:
        """Put the fakes into a state."""
        for name, value in state.items():
            path = self.fake / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value + "\n")

    def get(self, name: str) -> str:
        """Return a part of the fakes' state, "" if there is none."""
        path = self.fake / name
        return path.read_text().strip() if path.exists() else ""

    def file(self, name: str, text: str) -> Path:
        """Write a file of the guest."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        return path

    def install(self, program: str) -> None:
        """Make a program available, as its package or snap would."""
        link = self.snap_bin / program
        if not link.is_symlink():
            link.symlink_to(self.programs / program)

    def calls(self, beginning: str) -> list[str]:
        """Return the calls of the fakes that begin like this."""
        path = self.fake / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(beginning)]

    def run(self, script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a script of ``provision/`` with an open standard input, as over ssh."""
        lines = [f"export {key}='{value}'" for key, value in {**self.settings, **settings}.items()]
        (self.lab / "lab.env").write_text("\n".join(lines) + "\n")
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "FAKE": str(self.fake),
            "FAKE_PROGRAMS": str(self.programs),
            "LAB_ROOT": str(self.root),
            "LAB_SNAPD_CONF": str(self.programs / "snapd-conf"),
            "LAB_SNAP": str(self.snap_bin / "snap"),
            "LAB_MICROK8S": str(self.snap_bin / "microk8s"),
            "LAB_JUJU": str(self.snap_bin / "juju"),
            "LAB_POLL": "0",
            "LAB_RETRY_DELAY": "0",
            "LAB_LOCK_TIMEOUT": "0",
        }
        reading, writing = os.pipe()
        try:
            return subprocess.run(
                ["bash", str(PROVISION / f"{script}.sh"), *arguments],
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                timeout=60,
                check=False,
            )
        finally:
            os.close(reading)
            os.close(writing)

    def satisfied(self, script: str, **settings: str) -> bool:
        """Ask a step's ``check``; it changes nothing."""
        result = self.run(script, "check", **settings)
        assert result.returncode in (0, 1), result.stdout
        return result.returncode == 0

    def carry_out(self, script: str, **settings: str) -> str:
        """Run a step that must succeed, and be satisfied only afterwards; return what it printed."""
        assert not self.satisfied(script, **settings)
        output = ""
        for action in ("apply", "ready"):
            result = self.run(script, action, **settings)
            output += result.stdout
            assert result.returncode == 0, output
        assert self.satisfied(script, **settings)
        return output

    # --- how far the lab is -----------------------------------------------------------------

    def with_snapd(self) -> None:
        """Step 10 is done."""
        self.install("snap")
        self.set(
            {
                "hold": "forever",
                "snaps/snapd": "2.63 1 latest/stable snapd",
                "snaps/core20": "1 1 latest/stable base",
            }
        )

    def with_microk8s(self) -> None:
        """Steps up to 30 are done, in a session that has the group."""
        self.with_snapd()
        self.install("microk8s")
        self.file(
            "etc/systemd/system/snap.microk8s.daemon-kubelite.service.d/delegate.conf",
            "[Service]\nDelegate=yes",
        )
        self.set(
            {
                "snaps/microk8s": "v1.29.15 1 1.29/stable classic",
                "microk8s": "running",
                "group-microk8s": "",
                "groups-of-user": "lab sudo microk8s",
                "groups-of-session": "lab sudo microk8s",
            }
        )

    def with_addons(self) -> None:
        """Steps up to 40 are done."""
        self.with_microk8s()
        self.set(
            {
                f"addons/{name}": "working"
                for name in ("dns", "hostpath-storage", "ingress", "metallb", "rbac")
            }
        )
        self.set({"pool": "10.64.140.43-10.64.140.49"})

    def with_juju(self) -> None:
        """Steps up to 55 are done."""
        self.with_addons()
        self.install("juju")
        self.set({"snaps/juju": "3.4.6 1 3.4/stable -"})
        (self.home / ".local/share/juju").mkdir(parents=True)
        assert self.run("55-kubeconfig", "apply").returncode == 0

    def with_controller(self) -> None:
        """Steps up to 65 are done."""
        self.with_juju()
        self.set(
            {
                "clouds/my-k8s": "yes",
                "controllers/uk8sx": "works",
                "namespaces/controller-uk8sx": "uid-controller",
            }
        )
        self.remember("cloud", "cluster-1 https://192.168.121.5:16443")

    def with_model(self) -> None:
        """Steps up to 70 are done."""
        self.with_controller()
        self.set(
            {
                "model": "uuid-1",
                "life": "alive",
                "namespaces/kubeflow": "uid-kubeflow",
                "phase-kubeflow": "Active",
            }
        )

    def with_kubeflow(self) -> None:
        """Steps up to 80 are done."""
        self.with_model()
        self.set({"applications": "dex-auth kfp-db oidc-gatekeeper"})
        self.remember("deployed", "dex-auth kfp-db oidc-gatekeeper")

    def remember(self, name: str, value: str) -> None:
        """What a step has noted in the guest."""
        (self.lab / "state").mkdir(exist_ok=True)
        (self.lab / "state" / name).write_text(value + "\n")


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    """A fresh Debian; at the end no program may have been called in a way it does not know."""
    made = Guest(tmp_path)
    yield made
    refused = made.fake / "refused"
    assert not refused.exists(), refused.read_text()
