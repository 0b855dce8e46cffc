"""What is copied into snaps, images and root file systems."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lab.process import Result
from rehearsal import debian, kubernetes, python_cache, rootfs, snaps
from rehearsal.python_cache import copy_sources
from rehearsal.recipe import Job

from .conftest import FakeRunner


def test_modules_are_copied_compiled(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "__pycache__").mkdir(parents=True)
    (source / "module.py").write_text("VALUE = 1\n")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("run")
    copy = copy_sources(source, tmp_path / "copy")
    assert (copy / "run").stat().st_mode & 0o111
    assert (copy / "link").readlink() == Path("run")
    if sys.implementation.cache_tag == python_cache.GUEST_TAG:
        # Unchecked: the compiled form counts, whatever the source has become.
        (copy / "module.py").write_text("VALUE = 2\n")
        program = [sys.executable, "-c", "import module; print(module.VALUE)"]
        assert subprocess.run(program, cwd=copy, capture_output=True, text=True, check=True).stdout == "1\n"


def test_an_overlay_belongs_to_root(tmp_path: Path) -> None:
    root = tmp_path / "files"
    (root / "etc/sudoers.d").mkdir(parents=True)
    (root / "etc/sudoers.d/vagrant").write_text("x")
    tar = rootfs.overlay(root, tmp_path / "o.tar", {"etc/sudoers.d/vagrant": 0o440})
    with tarfile.open(tar) as archive:
        member = archive.getmember("etc/sudoers.d/vagrant")
        assert (member.uid, member.gid, member.mode) == (0, 0, 0o440)
        assert archive.getmember("etc").mode == 0o755


def test_a_root_file_system_is_asked_for_as_one_may(
    runner: FakeRunner, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.answers["apt-get"] = lambda argv: "Debian|http://mirror.example/debian/|bookworm|main\n"
    runner.answers["mmdebstrap"] = lambda argv: (
        "I: installing essential packages...\nI: running --customize-hook x\n"
    )
    for uid, mode in ((0, "--mode=root"), (1000, "--mode=unshare")):
        monkeypatch.setattr("os.geteuid", lambda uid=uid: uid)
        rootfs.make(job, ["python3", "nginx-light"], Path("/a b/overlay.tar"))
        call = runner.calls[-1]
        assert mode in call
        assert "--include=python3,nginx-light" in call
        assert "--customize-hook=tar-in '/a b/overlay.tar' /" in call
    assert "mirror.example" in (job.work / "sources.list").read_text()


def test_lists_have_comments(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# why\n\nsnapd\n  sudo \n")
    assert rootfs.read_list(tmp_path / "list") == ["snapd", "sudo"]


def test_snap_metadata() -> None:
    for name in ("microk8s", "juju"):
        snap = snaps.metadata(snaps.SNAPS / name)
        assert (snap.name, snap.version.endswith("-rehearsal")) == (name, True)


def test_microk8s_gets_its_programs(runner: FakeRunner, job: Job, tmp_path: Path) -> None:
    needs = {"kubernetes": tmp_path / "kubernetes", "programs": tmp_path / "programs"}
    (needs["kubernetes"]).mkdir()
    for name in ("kubelite", "kubectl"):
        (needs["kubernetes"] / name).write_text(name)
    for name in kubernetes.DAEMONS:
        (needs["kubernetes"] / name).symlink_to("kubelite")
    for name in (path for paths in debian.PROGRAMS.values() for path in paths):
        target = needs["programs"] / ("cni" if "/cni/" in name else "bin") / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(name)
    (needs["programs"] / "cni/bridge").chmod(0o700)
    recipe = snaps.microk8s(kubernetes.recipe(), debian.programs())
    recipe.make(Job(job.out, job.work, job.log, runner, job.say, needs))
    tree = job.work / "tree"
    packed = {path.name for path in (tree / "bin").iterdir()}
    assert {*kubernetes.DAEMONS, "kubelite", "kubectl", "etcd", "containerd", "runc", "ctr"} <= packed
    assert "busybox" not in packed
    assert (tree / "bin/kubelet").readlink() == Path("kubelite")
    assert (tree / "kubectl").readlink() == Path("bin/kubectl")
    assert (tree / "cni/bridge").stat().st_mode & 0o777 == 0o755, "whatever the umask was"
    assert runner.calls[-1][:3] == ("mksquashfs", str(tree), str(job.out / "microk8s.snap"))


def test_kubernetes_must_know_its_version(runner: FakeRunner, job: Job) -> None:
    program = str(job.out / kubernetes.DAEMONS[0])
    runner.answers[program] = Result((program,), 0, "Kubernetes v0.0.0-master\n", "", 0.1)
    with pytest.raises(RuntimeError, match=r"instead of v1\.20\.2"):
        kubernetes._try(job)


def test_a_newer_reflect2_replaces_the_vendored_one(runner: FakeRunner, job: Job, tmp_path: Path) -> None:
    old = tmp_path / "vendor/github.com/modern-go/reflect2/old.go"
    new = job.work / "reflect2/usr/share/gocode/src/github.com/modern-go/reflect2"
    old.parent.mkdir(parents=True)
    old.touch()
    new.mkdir(parents=True)
    for name in ("new.go", "asm.s", "new_test.go", "README.md"):
        (new / name).touch()
    kubernetes._mend_reflect2(job, tmp_path, Path("x.deb"))
    assert sorted(path.name for path in old.parent.iterdir()) == ["asm.s", "new.go"]


def test_the_version_is_set_where_vendoring_puts_it() -> None:
    flags = kubernetes._linker_flags(Path("kubernetes-1.20"))
    assert "-X k8s.io/kubernetes/vendor/k8s.io/component-base/version.gitVersion=v1.20.2" in flags
    assert flags.startswith("-s -w ")


def test_packages_are_kept_compiled_and_without_tests(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "tests").mkdir(parents=True)
    (package / "tests/test_module.py").write_text("")
    (package / "module.py").write_text("VALUE = 1\n")
    (package / "module.pyi").write_text("VALUE: int\n")
    (package / "template.py").write_text("${name} = 1\n")
    python_cache.compile_packages(tmp_path)
    left = sorted(path.name for path in package.iterdir())
    if sys.implementation.cache_tag == python_cache.GUEST_TAG:
        assert left == ["module.pyc", "template.py"]
        program = [sys.executable, "-c", "from package import module; print(module.VALUE)"]
        assert (
            subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "1\n"
        )
    else:
        assert left == ["module.py", "template.py"]
