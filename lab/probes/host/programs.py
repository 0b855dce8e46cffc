"""The programs that the lab runs on the host, and their versions."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

from lab.errors import HostError
from lab.probes.host.finding import PROGRAMS, Finding
from lab.process import Runner

SECONDS = 60.0
SETUP = "On Debian: scripts/setup-host.sh"

Find = Callable[[str], str | None]
"""Returns the path of a program, as `shutil.which` does."""


def python() -> Iterator[Finding]:
    """Name the Python that runs the lab."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield PROGRAMS.ok("python", f"{version} ({sys.executable})")


def vagrant(runner: Runner, find: Find) -> Iterator[Finding]:
    """Look for Vagrant."""
    yield _version(
        "vagrant",
        ["vagrant", "--version"],
        runner,
        find,
        tried="2.3.4",
        cure=f"{SETUP}; elsewhere: install Vagrant",
    )


def plugin(runner: Runner, find: Find) -> Iterator[Finding]:
    """Look for Vagrant's plugin for libvirt."""
    if find("vagrant") is None:
        return
    # In "/" there is no Vagrantfile to be read, which would have the plugin asked for the lab's machine.
    asked = runner(["vagrant", "plugin", "list"], timeout=SECONDS, env={"VAGRANT_CWD": "/"})
    found = re.search(r"^vagrant-libvirt \((\d[^,)]*)", asked.stdout, re.MULTILINE)
    cure = f"{SETUP}; elsewhere: vagrant plugin install vagrant-libvirt"
    if found:
        yield _compare("vagrant-libvirt", found[1], tried="0.11.2", cure=cure)
    else:
        yield PROGRAMS.failure(
            "vagrant-libvirt", "Vagrant does not have the plugin vagrant-libvirt", cure, code="LAB-HOST-126"
        )


def qemu(runner: Runner, find: Find) -> Iterator[Finding]:
    """Look for QEMU."""
    yield _version(
        "qemu",
        ["qemu-system-x86_64", "--version"],
        runner,
        find,
        tried="7.2",
        cure=f"{SETUP}; elsewhere: install QEMU",
    )


def virtualbox(runner: Runner, find: Find) -> Iterator[Finding]:
    """Look for VirtualBox."""
    yield _version(
        "virtualbox",
        ["VBoxManage", "--version"],
        runner,
        find,
        tried="6.1",
        cure="Install VirtualBox, or set provider in lab.yaml.",
    )


def ssh(find: Find) -> Iterator[Finding]:
    """Look for the SSH client, which `lab ssh` and `lab exec` hand over to."""
    path = find("ssh")
    if path:
        yield PROGRAMS.ok("ssh", path)
    else:
        yield PROGRAMS.warning(
            "ssh", "there is no ssh: lab ssh and lab exec do not work", f"{SETUP}; elsewhere: install OpenSSH"
        )


def _version(name: str, argv: list[str], runner: Runner, find: Find, *, tried: str, cure: str) -> Finding:
    if find(argv[0]) is None:
        return PROGRAMS.failure(
            name, f"{argv[0]} is not installed, or not in a directory of PATH", cure, code="LAB-HOST-125"
        )
    answer = runner(argv, timeout=SECONDS)
    version = re.search(r"\d+(\.\d+)+", answer.stdout)
    if not answer.ok or version is None:
        said = (answer.stderr or answer.stdout).strip().splitlines()[-1:]
        raise HostError(
            f"{' '.join(argv)} fails: {said[0] if said else f'exit code {answer.returncode}'}",
            code="LAB-HOST-125",
            hint=cure,
        )
    return _compare(name, version[0], tried=tried, cure=cure)


def _compare(name: str, version: str, *, tried: str, cure: str) -> Finding:
    if _numbers(version) < _numbers(tried):
        return PROGRAMS.warning(name, f"{version}, older than what the lab is tried with ({tried})", cure)
    return PROGRAMS.ok(name, version)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
