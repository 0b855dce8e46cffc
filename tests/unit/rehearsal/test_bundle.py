"""The bundle's manifest, and the name under which it is published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import HostError
from rehearsal import bundle, images
from rehearsal.cache import Cache, Workspace
from rehearsal.recipe import Job

from .conftest import FakeRunner


@pytest.fixture
def made(job: Job, runner: FakeRunner, tmp_path: Path) -> Path:
    files = {"box": "rehearsal.box", "snap-microk8s": "microk8s.snap", "snap-juju": "juju.snap"}
    files["images"] = "rehearsal.tar"
    needs = {}
    for kind, name in files.items():
        needs[kind] = tmp_path / kind
        needs[kind].mkdir()
        (needs[kind] / name).write_text(f"content of {kind}")

    def xorriso(argv: Sequence[str]) -> str:
        Path(argv[argv.index("-output") + 1]).write_text("iso")
        return ""

    runner.answers["xorriso"] = xorriso
    bundle._make(replace(job, needs=needs))
    return job.out


def test_the_manifest_describes_every_file(made: Path) -> None:
    manifest = json.loads((made / bundle.MANIFEST).read_text())
    described = [*manifest["snaps"], *manifest["images"], manifest["box"], manifest["iso"]]
    for item in described:
        content = (made / item["file"]).read_bytes()
        assert (item["size"], item["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    on_disk = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert on_disk == {item["file"] for item in described} | {bundle.MANIFEST}
    assert manifest["box"]["name"] == f"lab/rehearsal-{manifest['box']['sha256'][:12]}"
    assert [snap["name"] for snap in manifest["snaps"]] == ["microk8s", "juju"]
    assert manifest["images"][0]["refs"] == list(images.REFS)
    assert (manifest["schema"], manifest["edition"], manifest["iso"]["label"]) == (
        1,
        "rehearsal",
        "LAB_BUNDLE",
    )


def test_the_guest_gets_a_manifest_without_what_it_does_not_get(made: Path, job: Job) -> None:
    for_guest = json.loads((job.work / bundle.MANIFEST).read_text())
    assert "box" not in for_guest
    assert "iso" not in for_guest
    assert len(for_guest["snaps"]) == 2


def test_publishing_switches_the_name(tmp_path: Path, cache: Cache) -> None:
    root = tmp_path
    first, _ = cache.build("bundle", {"recipe": "1"}, lambda space: (space.out / "x").touch())
    second, _ = cache.build("bundle", {"recipe": "2"}, lambda space: (space.out / "x").touch())
    link = bundle.publish(root, first)
    assert link == root / "bundles/rehearsal"
    assert link.resolve() == first
    bundle.publish(root, second)
    assert bundle.published(root, cache) == second
    assert list(link.parent.iterdir()) == [link]


def test_no_bundle_and_a_damaged_one_are_told_with_what_to_do(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(HostError, match="no bundle yet") as failure:
        bundle.published(tmp_path, cache)
    assert "python -m rehearsal build" in failure.value.hint

    def builder(space: Workspace) -> None:
        (space.out / "x").write_text("whole")

    entry, _ = cache.build("bundle", {"recipe": "1"}, builder)
    bundle.publish(tmp_path, entry)
    (entry / "x").write_text("half")
    with pytest.raises(HostError, match="damaged"):
        bundle.published(tmp_path, cache)


def test_the_whole_recipe_is_known_without_building(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [recipe.kind for recipe in bundle.recipe().walk()]
    assert kinds[0] == "kubernetes", "the slowest is begun first"
    assert kinds[-1] == "bundle"
    assert sorted(kinds) == sorted(
        [
            *("box", "bundle", "image-base", "image-kubeflow", "image-python", "images", "kubernetes"),
            *("launcher", "programs", "rclone", "snap-juju", "snap-microk8s"),
        ]
    )
    assert bundle.recipe().name == bundle.recipe().name
