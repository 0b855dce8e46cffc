"""Where the snap keeps its things, and the few ways it talks to the system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GROUP = "microk8s"


class CommandError(Exception):
    """A command cannot go on: what to tell the user, and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Snap:
    """The three directories snapd gives a snap, and what lies in them."""

    root: Path
    data: Path
    common: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Snap:
        """Reads the directories from snapd's variables."""
        return cls(Path(environ["SNAP"]), Path(environ["SNAP_DATA"]), Path(environ["SNAP_COMMON"]))

    @property
    def args(self) -> Path:
        """One file of arguments for each daemon."""
        return self.data / "args"

    @property
    def certs(self) -> Path:
        """Certificates and keys of the cluster, for root only."""
        return self.data / "certs"

    @property
    def credentials(self) -> Path:
        """Kubeconfigs; the administrator's is for the group."""
        return self.data / "credentials"

    @property
    def client_config(self) -> Path:
        """The administrator's kubeconfig."""
        return self.credentials / "client.config"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.data / "var/lock"

    @property
    def stopped_lock(self) -> Path:
        """Exists from `microk8s stop` to `microk8s start`."""
        return self.locks / "stopped.lock"

    @property
    def addon_lock(self) -> Path:
        """Held while addons are enabled or disabled."""
        return self.locks / ".microk8s-addon-lock"

    @property
    def launcher(self) -> Path:
        """Launch configurations the cluster agent has still to apply."""
        return self.common / "etc/launcher"

    @property
    def storage(self) -> Path:
        """Where the hostpath-storage addon keeps its volumes."""
        return self.common / "default-storage"

    def program(self, name: str) -> str:
        """Path of one of the snap's own programs."""
        return str(self.root / "bin" / name)

    def kubectl(
        self, *args: str, stdin: str | None = None, check: bool = True, quiet: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as the cluster's administrator.

        Args:
            *args: kubectl's arguments.
            stdin: what it reads; nothing if None.
            check: whether a failure raises CalledProcessError.
            quiet: whether its output is kept from the terminal (and returned).
        """
        command = [self.program("kubectl"), f"--kubeconfig={self.client_config}", *args]
        sys.stdout.flush()  # kubectl writes to the same place without our buffer
        return subprocess.run(command, input=stdin or "", text=True, check=check, capture_output=quiet)

    def ctr(self, *args: str) -> list[str]:
        """The command line of containerd's client for the cluster's images and containers."""
        return [
            self.program("ctr"),
            f"--address={self.common}/run/containerd.sock",
            "--namespace=k8s.io",
            *args,
        ]


def is_root() -> bool:
    """Tells whether the command runs as root."""
    return os.geteuid() == 0


def as_root(argv: Sequence[str]) -> list[str]:
    """Returns the command line that runs a command as root, which needs sudo for anybody else."""
    return list(argv) if is_root() else ["sudo", "-E", "-n", *argv]


def become_root(arguments: Sequence[str]) -> None:
    """Starts this program again as root unless it is root already; the real addons use sudo likewise."""
    if is_root():
        return
    program = [sys.executable, "-E", "-s", "-S", str(Path(sys.argv[0])), *arguments]
    os.execvp("sudo", as_root(program))


def require_access(snap: Snap) -> None:
    """Refuses users outside the group.

    Raises:
        CommandError: the administrator's kubeconfig cannot be read.
    """
    if os.access(snap.client_config, os.R_OK):
        return
    import pwd

    user = pwd.getpwuid(os.getuid()).pw_name
    raise CommandError(
        "Insufficient permissions to access MicroK8s.\n"
        f"You can either try again with sudo or add the user {user} to the 'microk8s' group:\n"
        "\n"
        f"    sudo usermod -a -G microk8s {user}\n"
        f"    sudo chown -R {user} ~/.kube\n"
        "\n"
        "After this, reload the user groups either via a reboot or by running 'newgrp microk8s'."
    )


def require_started(snap: Snap) -> None:
    """Refuses to go on while the node is stopped.

    Raises:
        CommandError: `microk8s stop` was the last word.
    """
    if snap.stopped_lock.exists():
        raise CommandError("microk8s is not running, try microk8s start")
