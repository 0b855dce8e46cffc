"""Image archives: the layout that containerd imports, and the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rehearsal.docker_archive import Image, layer_of_system, layer_of_tree, write


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return {member.name: member for member in tar}


def read(path: Path, name: str) -> Any:
    with tarfile.open(path) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return json.load(file)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir()
    program = root / "bin/busybox"
    program.write_text("program")
    program.chmod(0o700)
    (root / "bin/sh").symlink_to("busybox")
    (root / "readme").write_text("text")
    return root


def test_a_layer_belongs_to_root_and_has_clear_modes(tree: Path, tmp_path: Path) -> None:
    layer = layer_of_tree(tree, tmp_path / "layer.tar")
    found = members(layer.path)
    assert layer.digest == hashlib.sha256(layer.path.read_bytes()).hexdigest()
    assert {name: member.mode for name, member in found.items() if not member.issym()} == {
        "bin": 0o755,
        "bin/busybox": 0o755,
        "readme": 0o644,
        "tmp": 0o1777,
    }
    assert found["bin/sh"].linkname == "busybox"
    assert all((m.uid, m.gid, m.uname, m.mtime) == (0, 0, "", 0) for m in found.values())


def test_the_same_content_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    first = layer_of_tree(tree, tmp_path / "one.tar")
    os.utime(tree / "readme", (1, 1))
    (tree / "readme").chmod(0o600)
    second = layer_of_tree(tree, tmp_path / "two.tar")
    assert first.digest == second.digest


def test_a_prefix_brings_its_parents_along(tree: Path, tmp_path: Path) -> None:
    layer = layer_of_tree(tree, tmp_path / "layer.tar", prefix="opt/lab")
    names = list(members(layer.path))
    assert names[:3] == ["opt", "opt/lab", "opt/lab/bin"]
    assert "opt/lab/readme" in names


def test_a_systems_layer_leaves_out_devices_and_what_is_excluded(tmp_path: Path) -> None:
    system = tmp_path / "system.tar"
    with tarfile.open(system, "w") as tar:
        for name, kind in [
            (".", tarfile.DIRTYPE),
            ("./usr", tarfile.DIRTYPE),
            ("./usr/bin", tarfile.DIRTYPE),
            ("./usr/share", tarfile.DIRTYPE),
            ("./usr/share/doc", tarfile.DIRTYPE),
            ("./usr/share/doc/x", tarfile.REGTYPE),
            ("./usr/bin/python3", tarfile.REGTYPE),
            ("./usr/bin/perl5.36", tarfile.REGTYPE),
            ("./dev", tarfile.DIRTYPE),
            ("./dev/null", tarfile.CHRTYPE),
        ]:
            member = tarfile.TarInfo(name)
            member.type, member.mtime, member.uid, member.mode = kind, 1234, 33, 0o2755
            tar.addfile(member, io.BytesIO())
        hard = tarfile.TarInfo("./usr/bin/python")
        hard.type, hard.linkname = tarfile.LNKTYPE, "./usr/bin/python3"
        tar.addfile(hard)
    layer = layer_of_system(system, tmp_path / "layer.tar", ["usr/share/doc", "usr/bin/perl*"])
    found = members(layer.path)
    assert sorted(found) == ["dev", "usr", "usr/bin", "usr/bin/python", "usr/bin/python3", "usr/share"]
    assert (found["usr/bin/python3"].uid, found["usr/bin/python3"].mode) == (33, 0o2755)
    assert found["usr/bin/python"].linkname == "usr/bin/python3"


def test_images_share_their_layers_in_one_archive(tree: Path, tmp_path: Path) -> None:
    base = layer_of_tree(tree, tmp_path / "base.tar")
    top = layer_of_tree(tree, tmp_path / "top.tar", prefix="opt/lab")
    archive = tmp_path / "images.tar"
    write(archive, [Image("lab/base:1", (base,)), Image("lab/addons:1", (base, top), ("python3",))])

    manifest = read(archive, "manifest.json")
    assert [entry["RepoTags"] for entry in manifest] == [["lab/base:1"], ["lab/addons:1"]]
    assert manifest[1]["Layers"] == [f"{base.digest}/layer.tar", f"{top.digest}/layer.tar"]
    names = list(members(archive))
    assert names.count(f"{base.digest}/layer.tar") == 1
    config = read(archive, manifest[1]["Config"])
    assert config["rootfs"]["diff_ids"] == [f"sha256:{base.digest}", f"sha256:{top.digest}"]
    assert config["config"]["Cmd"] == ["python3"]
    assert any(line.startswith("PATH=") for line in config["config"]["Env"])
    with tarfile.open(archive) as tar:
        layer = tar.extractfile(manifest[1]["Layers"][1])
        assert layer is not None
        assert hashlib.sha256(layer.read()).hexdigest() == top.digest
