"""Writes OCI images in the format of `docker save`, byte for byte the same from the same content."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Layer:
    """A file system layer: an uncompressed tar (so it is hashed only once when it is imported)."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Image:
    """What a container is started from."""

    ref: str
    layers: tuple[Layer, ...]
    command: tuple[str, ...] = ("/bin/sh",)
    environment: tuple[str, ...] = field(default=(f"PATH={PATH}", "LC_ALL=C.UTF-8"))

    def config(self) -> bytes:
        """Return the image's configuration."""
        diff_ids = [f"sha256:{layer.digest}" for layer in self.layers]
        data = {
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Cmd": list(self.command), "Env": list(self.environment), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "rehearsal"} for _ in self.layers],
        }
        return json.dumps(data, sort_keys=True).encode()


def normalised(member: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """Return a tar member without what differs from one build to the next."""
    member.name = name
    member.mtime = 0
    member.uname = member.gname = ""
    member.pax_headers = {}
    return member


def layer_of_tree(root: Path, target: Path, *, prefix: str = "") -> Layer:
    """Pack a directory, owned by root, as a layer.

    Args:
        root: the directory.
        target: the tar to write.
        prefix: where its content goes in the image, such as `opt/lab`.
    """
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        above = [parent.as_posix() for parent in reversed(Path(prefix).parents)] if prefix else []
        for name in [*above[1:], *([prefix] if prefix else [])]:
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            member = normalised(tar.gettarinfo(path), f"{prefix}/{name}" if prefix else name)
            member.uid = member.gid = 0
            # What counts is whether it can be run; the rest of the mode is the builder's umask.
            executable = member.isdir() or member.mode & 0o100
            member.mode = 0o1777 if name == "tmp" else 0o755 if executable else 0o644
            if member.isfile():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
    return Layer(target, _digest(target))


def layer_of_system(source: Path, target: Path, exclude: Sequence[str]) -> Layer:
    """Write the tar of a whole Debian system as a layer, without device files and excluded paths.

    Args:
        source: tar of the system, with its owners and modes.
        target: the tar to write.
        exclude: shell patterns of paths; what is below a matching directory is left out too.
    """
    with (
        tarfile.open(source) as system,
        tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for member in sorted(_wanted(system, exclude), key=lambda member: member.name):
            name = _relative(member.name)
            content = system.extractfile(member) if member.isreg() else None
            if member.islnk():
                member.linkname = _relative(member.linkname)
            tar.addfile(normalised(member, name), content)
    return Layer(target, _digest(target))


def files_in(layer: Path) -> list[str]:
    """Return the paths of the files in a layer."""
    with tarfile.open(layer) as tar:
        return [member.name for member in tar if member.isfile()]


def write(target: Path, images: Iterable[Image]) -> None:
    """Write images into one archive, in which each layer is there once."""
    images = tuple(images)
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        manifest = []
        layers = {layer.digest: layer for image in images for layer in image.layers}
        for layer in layers.values():
            member = tarfile.TarInfo(f"{layer.digest}/layer.tar")
            member.size = layer.path.stat().st_size
            with layer.path.open("rb") as content:
                tar.addfile(member, content)
        for image in images:
            config = image.config()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            if name not in tar.getnames():
                _add(tar, name, config)
            paths = [f"{layer.digest}/layer.tar" for layer in image.layers]
            manifest.append({"Config": name, "RepoTags": [image.ref], "Layers": paths})
        _add(tar, "manifest.json", json.dumps(manifest, sort_keys=True).encode())


def _wanted(system: tarfile.TarFile, exclude: Sequence[str]) -> Iterator[tarfile.TarInfo]:
    for member in system:
        name = _relative(member.name)
        parts = name.split("/")
        ancestors = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        excluded = any(fnmatch.fnmatchcase(path, pattern) for path in ancestors for pattern in exclude)
        if name and not excluded and not member.isdev():
            yield member


def _relative(name: str) -> str:
    return name.removeprefix("./").strip("/").removeprefix(".")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
