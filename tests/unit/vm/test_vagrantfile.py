"""The Vagrantfile's helpers, which read the same files as the Python package, read the same in them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.config import load_settings, render_env
from lab.editions import edition_names
from lab.editions.baked import read_baked
from lab.network.discover import HostNetwork, discover
from lab.network.guest import GuestNetwork, decide
from lab.plan.login import guest_network
from lab.probes.host.ports import domain
from lab.probes.host.session import Session
from lab.process import run
from lab.record import read_record
from tests.boxes import make_box

ROOT = Path(__file__).parents[3]

# Stands in for Vagrant, which takes a second to start.
PROLOGUE = """
module Vagrant
  module Errors
    class VagrantError < StandardError
    end
  end
end
require "json"
require "%(root)s/lab/vm/settings"
require "%(root)s/lab/vm/host"
require "%(root)s/lab/vm/login"
lab = Lab::Settings.new(ARGV[0], ENV)
host = Lab::Host.new(lab, ENV, ["status"])
login = Lab::Login.new(lab)
"""

pytestmark = pytest.mark.skipif(shutil.which("ruby") is None, reason="needs ruby")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "check out"
    (root / "lab").mkdir(parents=True)
    (root / "lab" / "editions").symlink_to(ROOT / "lab" / "editions")
    return root


def ruby(root: Path, expression: str, env: Mapping[str, str] | None = None) -> Any:
    """Evaluate an expression about the lab in a checkout."""
    # Nothing of it needs a gem, and looking for them takes five times as long as all the rest.
    bare = "--disable=gems,did_you_mean,error_highlight"
    script = PROLOGUE % {"root": ROOT} + f"puts JSON.generate([begin; {expression}; end])"
    return json.loads(run(["ruby", bare, "-e", script, str(root)], timeout=30, env=env).check().stdout)[0]


@pytest.mark.parametrize("name", edition_names())
def test_both_decide_the_same(checkout: Path, name: str) -> None:
    (checkout / "lab.yaml").write_text(
        f"edition: {name}\nmetallb_range: 10.0.0.1-10.0.0.9\nports: {{http: 8080}}\n"
    )
    env = {"LAB_CPUS": "7", "LAB_NAME": "other"}
    settings = load_settings(checkout, overrides={}, environ=env)
    values = ruby(
        checkout,
        "[lab.name, lab.edition_name, lab.cpus, lab.memory_mib, lab.disk_gib] +"
        "[lab.port('http'), lab.state_dir]",
        env,
    )
    assert values == [
        *(settings.name, settings.edition.name, settings.cpus, settings.memory_mib, settings.disk_gib),
        *(settings.ports.http, str(settings.state_dir)),
    ]
    told = guest_network(settings).variables
    assert ruby(checkout, "lab.lab_env", env) == render_env({**settings.provision_env, **told})


def test_both_read_the_options_of_applications_alike(checkout: Path) -> None:
    (checkout / "lab.yaml").write_text(
        "applications:\n"
        "  kfp-profile-controller:\n"
        "    custom_images: |\n"
        "      visualization_server: ''\n"
        '      frontend: "häuser/übung:1"\n'
        "  kfp-api: {launcher-image: a, cache-enabled: false, workers: 3}\n"
        "  empty: {}\n"
    )
    for environ in (
        {},
        {"LAB_APPLICATIONS": '{"kfp-api": {"launcher-image": "b/c:1"}, "minio": {"port": 9}}'},
    ):
        settings = load_settings(checkout, overrides={}, environ=environ)
        text = settings.provision_env["LAB_APP_CONFIG"]
        assert ruby(checkout, "lab.app_config", environ) == text
        assert json.loads(text)["kfp-api"]["launcher-image"] == ("b/c:1" if environ else "a")
        assert "\n" not in text


PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
CA = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"


def both_networks(
    checkout: Path, host: Path, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> GuestNetwork:
    """What the guest is told, in which Ruby and Python must agree."""
    environ = {**dict.fromkeys(PROXIES, ""), "SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": "", **environ}
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    settings = load_settings(checkout, overrides={}, environ=environ)
    release = settings.edition.expect.debian
    look = settings.edition.source == "store"
    told = decide(settings.network, discover(environ, host, release=release) if look else HostNetwork())
    network = f"lab.network(root: {json.dumps(str(host))})"
    assert ruby(checkout, f"{network}.variables") == told.variables
    assert ruby(checkout, f"{network}.certificates") == told.certificates
    return told


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's root directory, with an apt-config that says what is in ``apt``."""
    root = tmp_path / "host"
    for name in ("etc/apt/sources.list.d", "usr/local/share/ca-certificates", "usr/share/ca-certificates"):
        (root / name).mkdir(parents=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apt-config").write_text(f"#!/bin/sh\ncat '{root}/apt' 2>/dev/null\n")
    (programs / "apt-config").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return root


def test_both_find_the_same_network(checkout: Path, host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert both_networks(checkout, host, {}, monkeypatch) == GuestNetwork()
    (host / "apt").write_text("http='http://127.0.0.1:3142/'\nhttps='http://u:p@localhost:3128'\n")
    about = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
    (host / "etc/os-release").write_text(about)
    (host / "etc/apt/sources.list").write_text(
        "deb cdrom:[x]/ bookworm main\ndeb [arch=amd64] http://m/debian/ bookworm main\n"
    )
    (host / "etc/apt/sources.list.d/s.sources").write_text(
        "Types: deb\nEnabled: no\nURIs: http://off\nSuites: bookworm-security\n\n"
        "Types: deb deb-src\nURIs: https://m/sec\nSuites: bookworm-security\n"
    )
    (host / "usr/local/share/ca-certificates/own.crt").write_text("own\n" + CA)
    (host / "usr/share/ca-certificates/debian.crt").write_text(CA.replace("QUJD", "REVG"))
    (host / "bundle.pem").write_text(CA + CA.replace("QUJD", "REVG") + CA.replace("QUJD", "R0hJ"))
    found = both_networks(checkout, host, {"SSL_CERT_FILE": "/bundle.pem"}, monkeypatch)
    assert found.variables == {
        "LAB_PROXY_HTTP": "http://10.0.2.2:3142",
        "LAB_PROXY_HTTPS": "http://u:p@10.0.2.2:3128",
        "LAB_PROXY_APT": "http://10.0.2.2:3142",
        "LAB_APT_MIRROR": "http://m/debian",
        "LAB_APT_MIRROR_SECURITY": "https://m/sec",
    }
    assert found.certificates.count("BEGIN") == 2
    environ = {"HTTPS_PROXY": "proxy:1", "no_proxy": "a,.b", "http_proxy": "socks5://no"}
    assert (
        both_networks(checkout, host, environ, monkeypatch).variables["LAB_PROXY_HTTPS"] == "http://proxy:1"
    )
    # An edition that brings everything along does not look at the host.
    assert both_networks(checkout, host, {"LAB_EDITION": "rehearsal"}, monkeypatch) == GuestNetwork()


def test_both_take_the_network_that_is_written(
    checkout: Path, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "apt").write_text("http='http://cache:3142'\n")
    (checkout / "ca.pem").write_text(CA + CA.replace("QUJD", "REVG"))
    (checkout / "lab.yaml").write_text(
        "network: {proxy_http: 'p:1', proxy_https: none, no_proxy: [x.example, 10.0.0.0/8], "
        "ca_certificates: [ca.pem], apt_mirror: 'http://localhost/debian'}\n"
    )
    environ = {
        "LAB_NETWORK_APT_MIRROR_SECURITY": "https://m/s/",
        "LAB_EDITION": "rehearsal",
        "http_proxy": "no",
    }
    told = both_networks(checkout, host, environ, monkeypatch)
    assert told.variables == {
        "LAB_PROXY_HTTP": "http://p:1",
        "LAB_NO_PROXY": "x.example,10.0.0.0/8",
        "LAB_APT_MIRROR": "http://10.0.2.2/debian",
        "LAB_APT_MIRROR_SECURITY": "https://m/s",
    }
    assert told.certificates.count("BEGIN") == 2
    words = ruby(
        checkout,
        "begin; lab.network.variables; rescue Lab::Error => e; e.error_message; end",
        {
            "LAB_NETWORK_PROXY_HTTP": "http://me:secret@proxy:x",
        },
    )
    assert words == "'network.proxy_http' is not a URL that can be used."


def test_what_plain_vagrant_copies_is_the_owners_alone(checkout: Path) -> None:
    env = {"LAB_EDITION": "rehearsal", "LAB_NETWORK_PROXY_HTTP": "http://me:secret@proxy:3128"}
    assert ruby(checkout, "host.upload_files", env) == [], "`vagrant status` needs none"
    files = ruby(checkout, "lab.write_upload_files", env)
    assert [Path(file).name for file in files] == ["lab.env", "ca-certificates.pem"]
    assert "http://me:secret@proxy:3128" in Path(files[0]).read_text()
    assert {Path(file).stat().st_mode & 0o777 for file in files} == {0o600}
    assert "secret" not in ruby(checkout, "lab.upload_script", env)


def test_a_record_of_either_is_read_by_the_other(checkout: Path) -> None:
    env = {"LAB_EDITION": "rehearsal", "LAB_PROVIDER": "libvirt"}
    ruby(checkout, "lab.write_record", env)
    directory = checkout / ".lab" / "kubeflow"
    assert read_record(directory) == {"edition": "rehearsal", "provider": "libvirt"}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert ruby(checkout, "lab.edition_name") == "rehearsal"


def test_the_bundle(checkout: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "a, b & c"
    bundle.mkdir()
    manifest = {
        "box": {"name": "lab/rehearsal-1", "file": "box/x.box", "sha256": "ab"},
        "iso": {"file": "bundle.iso"},
    }
    env = {"LAB_EDITION": "rehearsal", "LAB_BUNDLE": str(bundle), "LAB_PORTS_SSH": "20022"}
    assert ruby(checkout, "lab.box", env) == {"name": "lab/rehearsal"}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    box = {"name": "lab/rehearsal-1", "file": str(bundle / "box" / "x.box"), "sha256": "ab"}
    assert ruby(checkout, "lab.box", env) == box
    network, drive = ruby(checkout, "host.qemu_arguments.values_at(1, 5)", env)
    assert network == "user,id=lab0,hostfwd=tcp:127.0.0.1:20022-:22,restrict=on"
    assert drive.endswith("/a,, b &amp; c/bundle.iso"), "quoted for QEMU and for XML"


def test_a_machine_keeps_the_disk_that_it_was_made_with(checkout: Path, tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "bundle.iso").write_text(version)
        (tmp_path / version / "manifest.json").write_text('{"iso": {"file": "bundle.iso"}}')
    name = tmp_path / "name"
    env = {"LAB_EDITION": "rehearsal", "LAB_BUNDLE": str(name), "LAB_PROVIDER": "libvirt"}
    kept = checkout / ".lab" / "kubeflow" / "bundle.iso"

    name.symlink_to("1")
    assert ruby(checkout, "lab.keep_iso; lab.iso", env) == str(kept)
    name.unlink()
    name.symlink_to("2")
    shutil.rmtree(tmp_path / "1")
    made = checkout / ".vagrant" / "machines" / "kubeflow" / "libvirt" / "id"
    made.parent.mkdir(parents=True)
    made.touch()
    assert ruby(checkout, "lab.keep_iso; lab.iso", env) == str(kept)
    assert kept.read_text() == "1"
    made.unlink()
    ruby(checkout, "lab.keep_iso", env)
    assert kept.read_text() == "2", "a new machine takes what there is now"


def test_a_port_is_kept_and_not_another_labs(checkout: Path) -> None:
    first = ruby(checkout, "host.ssh_port")
    assert first == ruby(checkout, "host.ssh_port")
    other = ruby(checkout, "host.ssh_port", {"LAB_NAME": "other"})
    assert len({first, other}) == 2


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs OpenSSH")
def test_a_new_machine_has_a_key_of_its_own(checkout: Path) -> None:
    env = {"LAB_PROVIDER": "libvirt"}
    state, vagrants = checkout / ".lab" / "kubeflow", checkout / ".vagrant/machines/kubeflow/libvirt"
    vagrants.mkdir(parents=True)
    _, first, public = ruby(checkout, "login.make", env)
    key = state / "id_ed25519"
    assert key.read_text() == first
    assert key.stat().st_mode & 0o777 == 0o600
    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(" lab-kubeflow\n")
    assert (vagrants / "private_key").resolve() == key, "one copy"
    (state / "known_hosts").write_text("the machine before this one\n")
    assert ruby(checkout, "login.make", env)[1] != first
    assert not (state / "known_hosts").exists()
    ruby(checkout, "login.forget")
    assert sorted(path.name for path in state.iterdir()) == []


def test_a_damaged_port_is_taken_from_the_login(checkout: Path) -> None:
    port = ruby(checkout, "host.ssh_port")
    state = checkout / ".lab" / "kubeflow"
    for text in ("", "{", "[]", '{"ssh": "x"}'):
        (state / "ports.json").write_text(text)
        assert ruby(checkout, "host.ssh_port") == port, "the same place, the same port"
    (state / "ssh_config").write_text("Host kubeflow\n  Port 23456\n")
    (state / "ports.json").write_text("\xff")
    assert ruby(checkout, "host.ssh_port") == 23456
    assert json.loads((state / "ports.json").read_text()) == {"ssh": 23456}


def test_clear_words(checkout: Path) -> None:
    rescue = "begin; %s; rescue Lab::Error => error; error.error_message; end"
    assert ruby(checkout, rescue % "lab.edition", {"LAB_EDITION": "nope"}).startswith(
        "There is no edition 'nope'. Editions: kubeflow-1.10, "
    )
    env = {"LAB_EDITION": "rehearsal", "LAB_BUNDLE": str(checkout)}
    assert "Build it first: python -m rehearsal build" in ruby(checkout, rescue % "lab.require_sources", env)


def test_both_make_a_machine_from_a_box_that_was_packed(checkout: Path, tmp_path: Path) -> None:
    box = make_box(tmp_path / "häuser.box")
    env = {"LAB_BOX": str(box)}
    settings = load_settings(checkout, overrides={}, environ=env)
    baked = ruby(checkout, "[lab.edition_name, lab.box, lab.require_sources]", {**env, "LAB_BUNDLE": ""})
    link = settings.state_dir / f"{read_baked(box).image.sha256}.box"
    assert baked == [settings.edition.name, {"name": read_baked(box).name, "file": str(link)}, None]
    for _ in range(2):
        ruby(checkout, "lab.link_box", env)
        assert link.readlink() == settings.box
    other = make_box(tmp_path / "other.box", image=b"other")
    ruby(checkout, "lab.link_box", {"LAB_BOX": str(other)})
    assert [path.readlink() for path in settings.state_dir.glob("*.box")] == [other]
    # The lab keeps it, and needs it no more once there is a machine.
    ruby(checkout, "lab.write_record", env)
    assert read_record(checkout / ".lab" / "kubeflow")["box"] == str(box)
    box.unlink()
    refused = "begin; lab.require_sources; rescue Lab::Error => error; error.error_message; end"
    assert ruby(checkout, refused) == f"There is no box of `lab bake` in '{box}'."
    assert ruby(checkout, "[lab.edition_name, lab.box]") == ["rehearsal", {"name": "lab/baked"}]
    box.write_bytes(b"something else" * 100)
    assert ruby(checkout, "lab.box") == {"name": "lab/baked"}
    (checkout / ".lab" / "kubeflow" / "lab.json").unlink()
    make_box(box)
    assert ruby(checkout, refused, {**env, "LAB_EDITION": "kubeflow-1.9"}) == (
        f"The box '{box}' is of the edition 'rehearsal', not 'kubeflow-1.9'."
    )
    (checkout / "lab.yaml").write_text(f"box: ../{box.name}\nedition: kubeflow-1.10\n")
    assert ruby(checkout, "[lab.edition_name, lab.baked_file]") == ["kubeflow-1.10", str(box)]
    assert load_settings(checkout, overrides={}, environ={}).box == box


@pytest.mark.parametrize("directory", ["short", "x" * 60])
def test_both_reach_libvirt_the_same_way(checkout: Path, tmp_path: Path, directory: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    env = {"HOME": str(tmp_path / directory), "XDG_RUNTIME_DIR": str(tmp_path), "XDG_CONFIG_HOME": ""}
    prepare = (
        f"(host.define_singleton_method(:own_runtime_dir) {{ '{own}' }};"
        "host.send(:use_short_runtime_dir); host.send(:use_short_home);"
        "ENV.values_at('XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME'))"
    )
    session = Session.of(env, os.getuid())
    variables = {"XDG_CONFIG_HOME": "", **session.environment}
    expected = [variables["XDG_RUNTIME_DIR"], variables["XDG_CONFIG_HOME"]]
    assert ruby(checkout, prepare, env) == [path.replace(str(session.own), str(own)) for path in expected]


def test_both_know_the_name_of_the_vm(checkout: Path) -> None:
    settings = load_settings(checkout, overrides={}, environ={})
    assert domain(settings) == f"{ruby(checkout, 'host.prefix')}-{settings.name}"
