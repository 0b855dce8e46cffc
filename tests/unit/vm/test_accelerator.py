"""The probe believes a guest that ran, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.errors import HostError
from lab.process import Result, run
from lab.vm.accelerator import SCRIPT, Acceleration, probe

QEMU = """#!/bin/sh
echo "$2" >>"{runs}"
case $2 in
  tcg) exit {tcg} ;;
  kvm) {kvm} ;;
esac
"""


class Host:
    """A host with a QEMU of paper; the cache is its own."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = directory / "runs"
        self._qemu = directory / "qemu"
        self.device = directory / "kvm"
        monkeypatch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        monkeypatch.setenv("LAB_QEMU", str(self._qemu))
        monkeypatch.setenv("LAB_KVM_DEVICE", str(self.device))

    def qemu(self, *, tcg: int = 33, kvm: str = "exit 33") -> None:
        self._qemu.write_text(QEMU.format(runs=self.runs, tcg=tcg, kvm=kvm))
        self._qemu.chmod(0o755)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_a_guest_ran(host: Host) -> None:
    host.qemu()
    host.device.touch()
    answer = probe()
    assert answer == Acceleration("kvm", f"a 64-bit guest ran under {host.device}")
    assert probe() == answer
    assert host.runs.read_text().split() == ["tcg", "kvm"], "the answer is kept"


def test_no_device(host: Host) -> None:
    host.qemu()
    assert probe() == Acceleration("qemu", f"there is no {host.device}")
    host.device.touch()
    assert probe().driver == "kvm", "what the answer depends on has changed"


def test_an_answer_that_cannot_be_kept_is_one_all_the_same(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.qemu()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert probe() == Acceleration("qemu", f"there is no {host.device}")


def test_the_guest_fails(host: Host) -> None:
    host.qemu(kvm="exit 1")
    host.device.touch()
    assert probe().driver == "qemu"
    assert "failed under it (exit code 1)" in probe().reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_the_device_is_not_ours(host: Host) -> None:
    host.qemu()
    host.device.touch(mode=0o000)
    assert "may not open it" in probe().reason


@pytest.mark.parametrize("installed", [True, False])
def test_not_even_the_control_runs(host: Host, installed: bool) -> None:
    if installed:
        host.qemu(tcg=1)
    with pytest.raises(HostError, match=r"no virtual machine can run here: .*qemu"):
        probe()


def test_the_script_is_told_a_deadline() -> None:
    def runner(argv: object, *, timeout: float, **_: object) -> Result:
        assert argv == ["sh", str(SCRIPT)]
        assert timeout == 30
        return Result(("sh",), 0, "qemu\nbecause\n", "", 0.1)

    assert probe(runner) == Acceleration("qemu", "because")


@pytest.mark.skipif(shutil.which("as") is None or shutil.which("ld") is None, reason="needs binutils")
def test_the_boot_sector_is_what_its_source_says(tmp_path: Path) -> None:
    source = SCRIPT.with_name("bootsector.S")
    made, linked = tmp_path / "bootsector.o", tmp_path / "bootsector.bin"
    run(["as", "--32", "-o", str(made), str(source)], timeout=30).check()
    link = ["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat=binary", "-o", str(linked), str(made)]
    if "elf_i386" not in run(["ld", "-V"], timeout=30).check().stdout:
        pytest.skip("this linker does not make x86 programs")
    run(link, timeout=30).check()
    assert linked.read_bytes() == SCRIPT.with_name("bootsector.bin").read_bytes()
