"""Proxies, certificate authorities and the mirror, for all who have to know of them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from .conftest import PROVISION, TEMPFAIL, Guest

PROXY = "http://me:pass%20word@proxy.example:3128"
NETWORK = {
    "LAB_PROXY_HTTP": PROXY,
    "LAB_PROXY_HTTPS": PROXY,
    "LAB_NO_PROXY": ".school.example,10.9.0.0/16",
    "LAB_APT_MIRROR": "http://mirror.school.example/debian",
}
EXCEPTED = (
    "localhost,127.0.0.1,::1,.svc,.cluster.local,10.1.0.0/16,10.152.183.0/24,"
    "10.64.140.43/32,10.64.140.44/30,10.64.140.48/31,192.168.121.5,kubeflow,.school.example,10.9.0.0/16"
)
ENVIRONMENT = f"""\
LANG=C.UTF-8
# kubeflow-lab: begin (changes down to the end are lost)
HTTP_PROXY={PROXY}
http_proxy={PROXY}
HTTPS_PROXY={PROXY}
https_proxy={PROXY}
NO_PROXY={EXCEPTED}
no_proxy={EXCEPTED}
# kubeflow-lab: end
"""
APT = f"""\
Acquire::http::Proxy "{PROXY}";
Acquire::https::Proxy "{PROXY}";
Acquire::http::Proxy::mirror.school.example "DIRECT";
Acquire::https::Proxy::mirror.school.example "DIRECT";
Dir::Etc::SourceList "ROOT/etc/apt/kubeflow-lab.list";
Dir::Etc::SourceParts "/dev/null";
"""
KEY = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
SOURCES = f"""\
deb {KEY} http://mirror.school.example/debian bookworm main
deb {KEY} http://mirror.school.example/debian bookworm-updates main
deb {KEY} http://own.example/debian-security/ bookworm-security main
"""


def pem(name: str) -> str:
    text = base64.b64encode(name.encode() * 40).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def authorities(guest: Guest, *names: str) -> None:
    (guest.lab / "ca-certificates.pem").write_text("".join(map(pem, names)))


def arguments(guest: Guest) -> str:
    return (guest.fake / "calls").read_text()


# --- 05-network ---------------------------------------------------------------------------------


def test_a_machine_with_a_plain_network_is_left_alone(guest: Guest) -> None:
    authorities(guest)
    assert guest.satisfied("05-network")
    assert not guest.calls("sudo")
    assert not guest.calls("ip")


def test_the_machine_is_told_and_forgets(guest: Guest) -> None:
    authorities(guest, "school", "egress")
    guest.carry_out("05-network", **NETWORK)
    files = {name: guest.root / name for name in ("etc/environment", "etc/apt/apt.conf.d/99kubeflow-lab")}
    assert files["etc/environment"].read_text() == ENVIRONMENT
    assert files["etc/apt/apt.conf.d/99kubeflow-lab"].read_text() == APT.replace("ROOT", str(guest.root))
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}, "a password is in them"
    assert (guest.root / "etc/apt/kubeflow-lab.list").read_text() == SOURCES
    assert (guest.lab / "network/proxy.env").stat().st_mode & 0o777 == 0o600
    anchors = sorted((guest.root / "usr/local/share/ca-certificates/kubeflow-lab").iterdir())
    assert {path.read_text() for path in anchors} == {pem("school"), pem("egress")}
    assert all(path.name.startswith("kubeflow-lab-") and path.suffix == ".crt" for path in anchors)
    assert pem("school") in (guest.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert "%20" not in arguments(guest)

    authorities(guest)
    guest.carry_out("05-network")
    assert files["etc/environment"].read_text() == "LANG=C.UTF-8\n"
    assert files["etc/environment"].stat().st_mode & 0o777 == 0o644
    for gone in ("etc/apt/apt.conf.d/99kubeflow-lab", "etc/apt/kubeflow-lab.list"):
        assert not (guest.root / gone).exists()
    assert not (guest.root / "usr/local/share/ca-certificates/kubeflow-lab").exists()
    assert not (guest.lab / "network/proxy.env").exists()
    assert (guest.root / "etc/ssl/certs/ca-certificates.crt").read_text() == ""


def test_what_was_changed_by_hand_is_mended(guest: Guest) -> None:
    authorities(guest, "school")
    guest.carry_out("05-network", **NETWORK)
    guest.file("etc/environment", ENVIRONMENT.replace("3128", "8080"))
    guest.carry_out("05-network", **NETWORK)
    assert (guest.root / "etc/environment").read_text() == ENVIRONMENT
    guest.file("etc/ssl/certs/ca-certificates.crt", "")
    guest.carry_out("05-network", **NETWORK)
    guest.carry_out("05-network", **{**NETWORK, "LAB_METALLB_RANGE": "10.64.141.0/28"})
    assert "10.64.141.0/28" in (guest.root / "etc/environment").read_text()


def test_without_a_password_everybody_may_read_it(guest: Guest) -> None:
    guest.carry_out("05-network", LAB_PROXY_HTTPS="http://proxy.example:3128")
    environment = guest.root / "etc/environment"
    assert environment.stat().st_mode & 0o777 == 0o644
    assert "HTTP_PROXY=" not in environment.read_text().replace("HTTPS_PROXY=", "")
    assert not (guest.root / "etc/apt/kubeflow-lab.list").exists()


def test_a_cache_for_packages_is_for_apt_alone(guest: Guest) -> None:
    guest.carry_out("05-network", LAB_PROXY_APT="http://cache:3142", LAB_APT_MIRROR_SECURITY="http://m/s")
    assert (guest.root / "etc/environment").read_text() == "LANG=C.UTF-8\n"
    configuration = (guest.root / "etc/apt/apt.conf.d/99kubeflow-lab").read_text()
    assert configuration.startswith(
        'Acquire::http::Proxy "http://cache:3142";\nAcquire::https::Proxy "DIRECT";\n'
    )
    sources = (guest.root / "etc/apt/kubeflow-lab.list").read_text().splitlines()
    assert sources[0] == f"deb {KEY} http://own.example/debian/ bookworm main"
    assert sources[1:] == [f"deb {KEY} http://m/s bookworm-security main"]  # it has no updates


def test_a_machine_without_the_tool_gets_it(guest: Guest) -> None:
    (guest.root / "usr/sbin/update-ca-certificates").unlink()
    authorities(guest, "school")
    guest.set({"apt-fails": "1"})
    assert guest.run("05-network", "apply").returncode == TEMPFAIL
    guest.carry_out("05-network")
    assert guest.calls("apt-get")[-1].endswith("install ca-certificates")


@pytest.mark.skipif(not Path("/usr/bin/apt-get").exists(), reason="needs apt")
def test_apt_itself_reads_what_was_written(guest: Guest) -> None:
    guest.carry_out("05-network", **NETWORK)
    configuration = guest.root / "etc/apt/apt.conf.d/99kubeflow-lab"
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    words = ["apt-get", "update", "--print-uris"]
    said = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert "'http://mirror.school.example/debian/dists/bookworm-updates/InRelease'" in said
    words = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    said = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert said == f"proxy='{PROXY}'\n"


# --- snapd, containerd, Juju --------------------------------------------------------------------


def test_snapd_is_told_before_it_downloads(guest: Guest) -> None:
    authorities(guest, "school")
    guest.run("05-network", "apply", **NETWORK)
    guest.carry_out("10-snapd", **NETWORK)
    told = json.loads(guest.get("snapd-conf"))
    assert told["proxy.https"] == PROXY
    assert told["proxy.no-proxy"] == EXCEPTED
    (name,) = [key for key in told if key.startswith("store-certs.kubeflow-lab-")]
    assert told[name] == pem("school")
    lines = (guest.fake / "calls").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("snap install"))
    assert any(line.startswith("snapd-conf apply") for line in lines[:first])
    assert "%20" not in arguments(guest)

    authorities(guest)
    guest.run("05-network", "apply")
    guest.carry_out("10-snapd")
    assert guest.get("snapd-conf") == "{}"
    asked = len(guest.calls("snapd-conf"))
    assert guest.satisfied("10-snapd")
    assert len(guest.calls("snapd-conf")) == asked, "nothing to tell, nothing to ask"


def test_a_snapd_that_refuses_is_asked_again(guest: Guest) -> None:
    guest.run("05-network", "apply", **NETWORK)
    guest.install("snap")
    guest.set({"snapd-refuses": "1"})
    result = guest.run("10-snapd", "run", **NETWORK)
    assert result.returncode == 0, result.stdout
    assert "::error snapd did not take the proxies" in result.stdout


CONTAINERD_ENV = "var/snap/microk8s/current/args/containerd-env"


def test_containerd_is_told_and_restarted_only_then(guest: Guest) -> None:
    guest.with_microk8s()
    file = guest.file(CONTAINERD_ENV, "ulimit -n 65536 || true")
    assert guest.satisfied("22-containerd-proxy")
    guest.carry_out("22-containerd-proxy", **NETWORK)
    assert file.read_text().startswith("ulimit -n 65536 || true\n# kubeflow-lab: begin")
    assert file.stat().st_mode & 0o777 == 0o660
    # As containerd's own start script reads it.
    said = subprocess.run(
        ["bash", "-c", 'set -a; . "$1"; env', "bash", str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout.splitlines()
    assert f"HTTPS_PROXY={PROXY}" in said
    assert f"NO_PROXY={EXCEPTED}" in said
    assert guest.calls("snap restart") == ["snap restart microk8s.daemon-containerd"]
    guest.carry_out("22-containerd-proxy")
    assert file.read_text() == "ulimit -n 65536 || true\n"
    assert len(guest.calls("snap restart")) == 2
    assert "%20" not in arguments(guest)


def test_a_containerd_that_started_with_the_proxies_is_left_alone(guest: Guest) -> None:
    guest.with_microk8s()
    guest.file(CONTAINERD_ENV, "")
    lines = [line for line in ENVIRONMENT.splitlines() if "PROXY=" in line.upper()]
    guest.file("proc/4711/environ", "\0".join(["SNAP=/snap/microk8s/1", *lines, ""]))
    guest.carry_out("22-containerd-proxy", **NETWORK)
    assert not guest.calls("snap restart")
    guest.carry_out("22-containerd-proxy")
    assert guest.calls("snap restart"), "it still has them"


def test_a_restart_that_was_cut_short_is_made_up_for(guest: Guest) -> None:
    guest.with_microk8s()
    guest.file(CONTAINERD_ENV, "")
    guest.remember("containerd-restart", "yes")
    guest.carry_out("22-containerd-proxy")
    assert guest.calls("snap restart") == ["snap restart microk8s.daemon-containerd"]


def test_new_authorities_ask_for_a_restart_of_what_is_running(guest: Guest) -> None:
    authorities(guest, "school")
    guest.carry_out("05-network")
    assert guest.satisfied("22-containerd-proxy"), "containerd will start later anyway"
    guest.with_microk8s()
    guest.file(CONTAINERD_ENV, "")
    authorities(guest, "school", "another")
    guest.carry_out("05-network")
    guest.carry_out("22-containerd-proxy")


PROXIES = f'juju-http-proxy: "{PROXY}"\njuju-https-proxy: "{PROXY}"\njuju-no-proxy: "{EXCEPTED}"'


def test_juju_is_told_from_its_first_breath(guest: Guest) -> None:
    guest.with_juju()
    guest.set({"clouds/my-k8s": "yes"})
    guest.run("05-network", "apply", **NETWORK)
    guest.carry_out("65-controller", **NETWORK)
    guest.carry_out("70-model", **NETWORK)
    assert guest.get("model-config/controller") == guest.get("model-config/kubeflow") == PROXIES
    assert not list((guest.home / ".local/share/juju").iterdir()), "the file with the password is gone"
    assert "%20" not in arguments(guest)


def test_juju_learns_of_a_change_and_forgets(guest: Guest) -> None:
    guest.with_model()
    guest.run("05-network", "apply", **NETWORK)
    for step in ("65-controller", "70-model"):
        guest.carry_out(step, **NETWORK)
    assert guest.get("model-config/controller") == guest.get("model-config/kubeflow") == PROXIES
    assert not guest.calls("juju bootstrap")
    guest.run("05-network", "apply")
    for step in ("65-controller", "70-model"):
        guest.carry_out(step)
    assert guest.get("model-config/controller") == guest.get("model-config/kubeflow") == ""
    asked = len(guest.calls("juju model-config"))
    assert guest.satisfied("70-model")
    assert len(guest.calls("juju model-config")) == asked


# --- the purge ----------------------------------------------------------------------------------


def test_the_machines_network_outlives_the_purge(guest: Guest) -> None:
    authorities(guest, "school")
    result = guest.run("run", **NETWORK)
    assert result.returncode == 0, result.stdout
    purged = guest.run("purge", "apply", **NETWORK)
    assert purged.returncode == 0, purged.stdout
    assert guest.run("purge", "check", **NETWORK).stdout == ""
    assert guest.satisfied("05-network", **NETWORK)
    assert guest.satisfied("10-snapd", **NETWORK)
    assert guest.run("run", **NETWORK).returncode == 0
    assert "%20" not in arguments(guest)
    assert not [path for path in (guest.lab / "logs").iterdir() if "%20" in path.read_text()]


def test_the_shared_part_is_sourced_by_those_that_need_it() -> None:
    sourcing = {path.name for path in PROVISION.glob("*.sh") if 'DIR/network.sh"' in path.read_text()}
    assert sourcing == {
        "05-network.sh",
        "10-snapd.sh",
        "22-containerd-proxy.sh",
        "65-controller.sh",
        "70-model.sh",
    }
