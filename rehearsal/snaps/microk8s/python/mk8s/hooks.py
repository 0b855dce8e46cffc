"""The snap's hooks: what is prepared at the installation, and taken away at the removal."""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mk8s import certificates, cleanup
from mk8s.actions import set_argument
from mk8s.launch import LaunchConfig, LaunchError, parse
from mk8s.snap import GROUP, CommandError, Snap

SYSCTL_FILE = Path("/etc/sysctl.d/10-microk8s.conf")
SYSCTL = "net.ipv4.ip_forward=1\nnet.bridge.bridge-nf-call-iptables=1\n"


def links(snap: Snap) -> dict[Path, Path]:
    """Returns the links to where other programs look for a kubelet's things, and their targets."""
    # `current` is the link to the revision in use.
    current, installed = snap.data.parent / "current", snap.root.parent / "current"
    return {
        Path("/var/lib/kubelet"): snap.common / "var/lib/kubelet",
        Path("/etc/cni/net.d"): current / "args/cni-network",
        Path("/opt/cni/bin"): installed / "cni",
    }


def _launch_config(snap: Snap) -> LaunchConfig:
    """Reads the first launch configuration there is, and leaves it for the cluster agent."""
    candidates = (
        Path("/etc/microk8s.yaml"),
        Path("/root/snap/microk8s/common/.microk8s.yaml"),
        snap.common / ".microk8s.yaml",
        snap.root / "microk8s.default.yaml",
    )
    text = next(file for file in candidates if file.is_file()).read_text(encoding="utf-8")
    try:
        config = parse(text)
    except LaunchError as error:
        raise CommandError(str(error)) from error
    snap.launcher.mkdir(parents=True, exist_ok=True)
    (snap.launcher / "install.yaml").write_text(text, encoding="utf-8")
    return config


def _copy_arguments(snap: Snap, config: LaunchConfig) -> None:
    shutil.copytree(snap.root / "args", snap.args, dirs_exist_ok=True)
    (snap.args / "certs.d").mkdir(exist_ok=True)
    for program, options in config.arguments.items():
        file = snap.args / program
        text = file.read_text(encoding="utf-8")
        for option, value in options.items():
            text = set_argument(text, option.removeprefix("--"), value)
        file.write_text(text, encoding="utf-8")


def install(snap: Snap, arguments: Sequence[str]) -> int:
    """Prepares everything the daemons need; snapd starts them afterwards."""
    del arguments
    os.umask(0o077)
    config = _launch_config(snap)
    for directory in (snap.certs, snap.credentials, snap.locks):
        directory.mkdir(parents=True, exist_ok=True)
    for name in ("var/lib/kubelet", "var/lib/containerd", "run", "etc/sideload"):
        (snap.common / name).mkdir(parents=True, exist_ok=True)
    _copy_arguments(snap, config)
    for file in (snap.common / "sideload").glob("*.tar"):
        shutil.copy(file, snap.common / "etc/sideload")
    certificates.create_all(snap)
    snap.addon_lock.touch()
    SYSCTL_FILE.write_text(SYSCTL, encoding="utf-8")
    SYSCTL_FILE.chmod(0o644)
    for link, target in links(snap).items():
        link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not link.exists() and not link.is_symlink():
            link.symlink_to(target)
    return 0


def configure(snap: Snap, arguments: Sequence[str]) -> int:
    """Creates the group and lets it at the administrator's things.

    Raises:
        CommandError: the snap was given an option, and this stand-in has none.
    """
    del arguments
    given = subprocess.run(["snapctl", "get", "config"], capture_output=True, text=True, check=False).stdout
    if given.strip():
        raise CommandError("The rehearsal's MicroK8s has no option `config`; use a launch configuration.")
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        subprocess.run(["groupadd", "--system", GROUP], check=True)
        group = grp.getgrnam(GROUP).gr_gid
    shared = [snap.args, *snap.args.rglob("*"), snap.locks.parent, snap.locks, snap.addon_lock]
    shared.append(snap.credentials)
    shared += [snap.credentials / file for file in ("client.config", "client.crt", "client.key", "ca.crt")]
    # The umask of the install hook made the way to the locks root's alone.
    snap.locks.parent.chmod(0o755)
    for path in shared:
        os.chown(path, 0, group)
        path.chmod(0o770 if path.is_dir() else 0o660)
    return 0


def remove(snap: Snap, arguments: Sequence[str]) -> int:
    """Takes away what lies outside the snap's own directories, and all that snapd could not delete."""
    del arguments
    cleanup.kill_pods()
    cleanup.unmount_below(snap.common)
    cleanup.remove_network()
    for link in links(snap):
        if link.is_symlink():
            link.unlink()
    # Empty parents go too, unless they were there for somebody else.
    for parent in ("/etc/cni", "/opt/cni"):
        if Path(parent).is_dir() and not any(Path(parent).iterdir()):
            Path(parent).rmdir()
    for directory in ("var/lib/containerd", "run/containerd", "var/lib/kubelet"):
        shutil.rmtree(snap.common / directory, ignore_errors=True)
    SYSCTL_FILE.unlink(missing_ok=True)
    shutil.rmtree("/etc/systemd/system/snap.microk8s.daemon-kubelite.service.d", ignore_errors=True)
    return 0


def refresh_server_certificate(snap: Snap, arguments: Sequence[str]) -> int:
    """Renews the API server's certificate if it has to be."""
    del arguments
    os.umask(0o077)
    certificates.refresh_server(snap)
    return 0


COMMANDS: Mapping[str, Callable[[Snap, Sequence[str]], int]] = {
    "hook-install": install,
    "hook-configure": configure,
    "hook-remove": remove,
    "refresh-server-certificate": refresh_server_certificate,
}
