"""The Vagrantfile's helpers, which read the same files as the Python package, read the same in them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.config import load_settings, read_record, render_env
from lab.editions import edition_names
from lab.probes.host.ports import domain
from lab.probes.host.session import Session
from lab.process import run

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
    script = PROLOGUE % {"root": ROOT} + f"puts JSON.generate([{expression}])"
    return json.loads(run(["ruby", "-e", script, str(root)], timeout=30, env=env).check().stdout)[0]


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
    assert ruby(checkout, "lab.lab_env", env) == render_env(settings.provision_env)


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


def test_clear_words(checkout: Path) -> None:
    rescue = "begin; %s; rescue Lab::Error => error; error.error_message; end"
    assert ruby(checkout, rescue % "lab.edition", {"LAB_EDITION": "nope"}).startswith(
        "There is no edition 'nope'. Editions: kubeflow-1.8, "
    )
    env = {"LAB_EDITION": "rehearsal", "LAB_BUNDLE": str(checkout)}
    assert "Build it first: python -m rehearsal build" in ruby(checkout, rescue % "lab.require_bundle", env)


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
