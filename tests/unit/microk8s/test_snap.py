from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from mk8s import certificates, cleanup, cli
from mk8s.launch import LaunchAddon, LaunchError, parse
from mk8s.snap import CommandError, Snap, require_access

ROOT = Path(__file__).parents[3] / "rehearsal/snaps/microk8s"


def test_the_default_launch_configuration_enables_dns() -> None:
    config = parse((ROOT / "microk8s.default.yaml").read_text(encoding="utf-8"))
    assert config.addons == [LaunchAddon("dns")]
    assert config.arguments == {}


def test_a_launch_configuration() -> None:
    config = parse(
        """---
version: 0.1.0
extraKubeAPIServerArgs:
  --authorization-mode: "RBAC,Node"   # from the start
addons:
  - name: dns
    args: ["1.1.1.1", 8.8.8.8]
  - name: ingress
    disable: true
"""
    )
    assert config.arguments == {"kube-apiserver": {"--authorization-mode": "RBAC,Node"}}
    assert config.addons == [
        LaunchAddon("dns", arguments=["1.1.1.1", "8.8.8.8"]),
        LaunchAddon("ingress", disable=True),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("join:\n  url: x\n", "line 1: join is not supported here"),
        ("addons: [{name: dns}]\n", "line 1: addons must be written over several lines"),
        ("addons:\n  - name: dns\n    args: x\n", "line 3: args must be a list"),
        ("addons:\n  - title: dns\n", "line 2: cannot read"),
        ("addons:\n  - disable: true\n", "an addon has no name"),
        ("extraKubeletArgs:\n  --a: {b: c}\n", "line 2: unsupported value"),
    ],
)
def test_what_a_launch_configuration_may_not_say(text: str, reason: str) -> None:
    with pytest.raises(LaunchError, match=reason):
        parse(text)


def test_users_outside_the_group_are_told_what_to_do(tmp_path: Path) -> None:
    snap = Snap(tmp_path, tmp_path, tmp_path)
    with pytest.raises(CommandError) as caught:
        require_access(snap)
    assert str(caught.value).startswith("Insufficient permissions to access MicroK8s.\n")
    assert "sudo usermod -a -G microk8s" in str(caught.value)


def test_mounts_are_detached_from_the_inside_out() -> None:
    text = "\n".join(
        [
            "overlay /var/snap/microk8s/common/a overlay rw 0 0",
            "tmpfs /var/snap/microk8s/common/a/b/c tmpfs rw 0 0",
            "tmpfs /var/snap/microk8s/commonplace tmpfs rw 0 0",
            "proc /proc proc rw 0 0",
        ]
    )
    assert cleanup.mount_points(text, Path("/var/snap/microk8s/common")) == [
        "/var/snap/microk8s/common/a/b/c",
        "/var/snap/microk8s/common/a",
    ]


def test_rules_of_pods_go_and_those_of_services_stay() -> None:
    kept = "*nat\n:KUBE-SERVICES - [0:0]\n-A OUTPUT -j KUBE-SERVICES\nCOMMIT\n"
    lines = kept.splitlines(keepends=True)
    lines[1:1] = [":CNI-HOSTPORT-DNAT - [0:0]\n", "-A PREROUTING -j CNI-HOSTPORT-DNAT\n"]
    assert cleanup.without_pods_rules("".join(lines)) == kept


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 1, "Available subcommands are:"),
        (["help"], 0, "\tstatus"),
        (["dance"], 1, "'dance' is not a valid MicroK8s subcommand."),
    ],
)
def test_help(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, text: str) -> None:
    assert cli.main(arguments) == code
    assert text in capsys.readouterr().out


def test_what_the_stand_in_lacks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["helm", "list"]) == 1
    assert "microk8s helm is not part of the rehearsal" in capsys.readouterr().err


def test_no_name_is_both_a_subcommand_and_unsupported() -> None:
    assert not set(cli.SUBCOMMANDS) & set(cli.UNSUPPORTED)


def test_certificates_are_signed_for_the_names_asked_for(tmp_path: Path) -> None:
    snap = Snap(tmp_path, tmp_path, tmp_path)
    snap.certs.mkdir()
    certificates.issue(snap, "ca", "authority")
    certificates.issue(snap, "server", "api", "lab", ["DNS:kubernetes", "IP:127.0.0.1"])
    verify = ["openssl", "verify", "-CAfile", str(snap.certs / "ca.crt"), str(snap.certs / "server.crt")]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
    assert (snap.certs / "server.key").stat().st_mode & 0o077 == 0
