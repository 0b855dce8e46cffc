"""All steps in order, and the way back."""

from __future__ import annotations

import fcntl
import re

from .conftest import PROVISION, TEMPFAIL, Guest

STEPS = sorted(path.stem for path in PROVISION.glob("[0-9][0-9]-*.sh"))


def test_a_whole_lab_by_one_script_and_back(guest: Guest) -> None:
    guest.set({"hostname": "My_Lab"})
    failed = guest.run("run")
    assert failed.returncode == 40  # MicroK8s
    assert f"[2/{len(STEPS)}] Install snapd" in failed.stdout
    assert "ERROR The host name 'My_Lab' is not one that Kubernetes accepts" in failed.stdout
    assert "hostnamectl set-hostname" in failed.stdout
    assert "FAILED" in failed.stdout
    assert "logs/20-microk8s.log" in failed.stdout
    assert "[5/" not in failed.stdout

    # It goes on where it stopped. (A store edition has no images to load, and nobody set an option.)
    guest.set({"hostname": "kubeflow"})
    whole = guest.run("run")
    assert whole.returncode == 0, whole.stdout
    done = re.findall(r"^ +\d+ s  (\d\d)-\S+ +was done already$", whole.stdout, re.MULTILINE)
    assert done == ["05", "10", "15", "22", "25", "83"]
    assert "juju status" in whole.stdout

    again = guest.run("run")
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("was done already") == len(STEPS)

    assert guest.run("purge", "check").returncode == 1
    purged = guest.run("purge", "apply")
    assert purged.returncode == 0, purged.stdout
    assert guest.run("purge", "check").stdout == ""
    assert sorted(path.name for path in (guest.fake / "snaps").iterdir()) == ["core20", "snapd"]
    assert (guest.root / "proc/sys/fs/inotify/max_user_instances").read_text().strip() == "128"
    assert (guest.lab / "lab.env").exists()
    assert not guest.satisfied("20-microk8s")


def test_two_runs_at_a_time_do_not_meet(guest: Guest) -> None:
    with (guest.lab / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert guest.run("15-kernel-limits", "apply").returncode == TEMPFAIL
        assert guest.run("15-kernel-limits", "check").returncode == 1


def test_purge_on_a_machine_that_never_had_a_lab(guest: Guest) -> None:
    assert guest.run("purge", "check").returncode == 0
    result = guest.run("purge", "apply")
    assert result.returncode == 0, result.stdout


def test_purge_enables_a_disabled_snap_and_never_enters_a_mount(guest: Guest) -> None:
    guest.with_microk8s()
    guest.set({"snaps/microk8s": "v1.29.15 1 1.29/stable classic,disabled"})
    busy = guest.file("var/snap/microk8s/common/run/pod/file", "data")
    spaced = f"{guest.root}/var/snap/microk8s/common/a\\040b"
    with (guest.root / "proc/self/mountinfo").open("a") as mounts:
        mounts.write(f"50 22 0:50 / {busy.parent} rw - overlay overlay rw\n")
        mounts.write(f"51 22 0:51 / {spaced} rw - tmpfs tmpfs rw\n")
    result = guest.run("purge", "apply")
    assert f"umount --lazy {busy.parent}" in guest.calls("umount")
    assert f"umount --lazy {spaced}".replace("\\040", " ") in guest.calls("umount")
    # The fake does not know blanks, so that mount stays, and with it what contains it.
    assert result.returncode == 1
    assert (guest.root / "var/snap/microk8s").is_dir()
    assert "something is mounted below it" in result.stdout
    assert f"left: mount {spaced}".replace("\\040", " ") in result.stdout


def test_purge_removes_what_the_snap_leaves_behind(guest: Guest) -> None:
    guest.with_microk8s()
    (guest.home / ".kube").mkdir()
    (guest.home / ".kube/config").write_text("server: https://192.168.121.5:16443\n")
    (guest.home / ".kube/mine").write_text("another cluster's\n")
    (guest.root / "var/lib").mkdir(parents=True)
    (guest.root / "var/lib/kubelet").symlink_to("/var/snap/microk8s/common/var/lib/kubelet")
    guest.file("etc/cni/net.d/10-packaged.conf", "{}")
    guest.file("etc/systemd/system/snap.microk8s.daemon-kubelite.service", "[Unit]")
    guest.file("sys/fs/cgroup/kubepods/cgroup.kill", "")
    guest.file("usr/sbin/iptables-nft-save", "").chmod(0o755)
    shim = ["containerd-shim-runc-v2", "-address", "/var/snap/microk8s/common/run/containerd.sock", ""]
    guest.file("proc/4711/cmdline", "\0".join(shim))
    guest.file("proc/4712/cmdline", "/usr/sbin/sshd\0-D\0")
    (guest.root / "proc/4713").mkdir()
    (guest.root / "proc/4713/exe").symlink_to("/snap/microk8s/x1/bin/kubelet")
    guest.set(
        {
            "packaged": f"{guest.root}/etc/cni/net.d\n{guest.root}/etc/cni",
            "netns": "cni-1234\nmine",
            "rules": ":KUBE-SERVICES - [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A CNI-HOSTPORT -j DNAT",
            "links": "1: lo: <UP>\n3: cni0: <UP>\n4: vxlan.calico: <UP>\n5: cali12@if3: <UP>\n"
            "6: veth0a1b2c3d@if2: <UP>\n7: eth0: <UP>\n8: vethernet: <UP>",
        }
    )
    before = guest.run("purge", "check")
    assert before.returncode == 1
    assert "left: process 4711 containerd-shim-runc-v2 -address" in before.stdout
    for what in ("snap microk8s", "network interface cni0", "network namespace cni-1234", "group microk8s"):
        assert f"left: {what}\n" in before.stdout
    result = guest.run("purge", "apply")
    assert guest.get("links").count("\n") == 2  # lo, eth0, vethernet
    assert guest.get("netns") == "mine"
    assert guest.calls("kill") == ["kill -KILL 4711", "kill -KILL 4713"]
    assert guest.get("rules") == "-A INPUT -p tcp -j ACCEPT"
    assert (guest.home / ".kube/mine").exists()
    assert (guest.root / "etc/cni/net.d/10-packaged.conf").exists()
    assert not (guest.root / "var/lib/kubelet").is_symlink()
    assert not (guest.root / "etc/systemd/system/snap.microk8s.daemon-kubelite.service").exists()
    # A file is no control group: rmdir cannot remove it, and the proof says so.
    assert result.returncode == 1
    assert "control group" in result.stdout


def test_a_kubeconfig_of_another_cluster_is_not_ours(guest: Guest) -> None:
    guest.install("snap")
    (guest.home / ".kube").mkdir()
    (guest.home / ".kube/config").write_text("server: https://cloud.example:6443\n")
    assert guest.run("purge", "apply").returncode == 0
    assert (guest.home / ".kube/config").exists()


def test_purge_ends_an_installation_that_hangs(guest: Guest) -> None:
    guest.with_snapd()
    guest.set(
        {"changes": '7  Doing  today  -  Install "microk8s" snap', "meanwhile": 'rm -f "$FAKE/changes"'}
    )
    result = guest.run("purge", "apply")
    assert result.returncode == 0, result.stdout


def test_a_step_wants_a_known_word(guest: Guest) -> None:
    assert guest.run("15-kernel-limits").returncode == 64
    assert guest.run("purge", "everything").returncode == 64
