"""A content-addressed cache of built things.

An entry is a directory named after its kind and a digest of all that went into it. It is built in a
temporary directory beside its final place, under a lock, and renamed when whole: whoever finds an entry finds
all of it. Each entry records the size and SHA-256 of its files, so that a damaged one is noticed and built
again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lab.errors import HostError

RECORD = ".entry.json"
SCHEMA = 1
SMALL = 1 << 20
"""Files up to this size are read again whenever an entry is used; of larger ones size and time must match."""

LOCK_DEADLINE = 3600.0
"""Seconds to wait for another build of the same entry."""

RECENT = 24 * 3600.0
"""Seconds for which an entry is worth keeping after its last use: another checkout may ask for it again."""


class Broken(Exception):  # noqa: N818 - a finding, not a failure
    """An entry is not what its record says."""


@dataclass(frozen=True)
class Workspace:
    """The directories a builder gets: what it leaves in `out` becomes the entry, `work` is thrown away."""

    out: Path
    work: Path


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_tree(root: Path) -> str:
    """Return one digest for all files below a directory: their names, contents and executable bits."""
    total = hashlib.sha256()
    for path in sorted(walk_sources(root)):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            total.update(f"link {name} {path.readlink()}\n".encode())
        else:
            mode = "x" if path.stat().st_mode & 0o111 else "-"
            total.update(f"file {name} {mode} {digest_file(path)}\n".encode())
    return total.hexdigest()


def walk_sources(root: Path) -> Iterator[Path]:
    """Yield files and links below a source directory, without what tools leave behind there."""
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if any(part == "__pycache__" or part.endswith("_cache") for part in parts):
            continue
        if path.is_symlink() or path.is_file():
            yield path


def entry_name(kind: str, inputs: Mapping[str, str]) -> str:
    """Return the name of the entry that these inputs lead to."""
    text = json.dumps({"schema": SCHEMA, "kind": kind, "inputs": dict(inputs)}, sort_keys=True)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Cache:
    """The entries below one directory."""

    def __init__(self, root: Path, remove_tree: Callable[[Path], None] = shutil.rmtree) -> None:
        """Take the directory, and how to remove a tree in which files may belong to sub-users."""
        self.root = root
        self._remove_tree = remove_tree

    def path(self, name: str) -> Path:
        """Return where an entry is, or would be."""
        return self.root / name

    def find(self, name: str) -> Path | None:
        """Return the directory of an entry that is there and whole, by a quick look."""
        try:
            self.check(name, thorough=False)
        except Broken:
            return None
        return self.path(name)

    def check(self, name: str, *, thorough: bool) -> None:
        """Compare an entry with its record.

        Args:
            name: name of the entry.
            thorough: read every file, instead of only the small ones.

        Raises:
            Broken: something is missing, or not as recorded.
        """
        entry = self.path(name)
        try:
            record = json.loads((entry / RECORD).read_text(encoding="utf-8"))
            files: dict[str, dict[str, Any]] = record["files"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Broken(f"{name}: no readable record") from error
        for relative, recorded in files.items():
            path = entry / relative
            try:
                problem = _difference(path, recorded, thorough=thorough)
            except OSError as error:
                problem = error.strerror or "unreadable"
            if problem:
                raise Broken(f"{name}/{relative}: {problem}")

    def build(
        self,
        kind: str,
        inputs: Mapping[str, str],
        builder: Callable[[Workspace], None],
        *,
        on_wait: Callable[[], None] = lambda: None,
        fresh: bool = False,
    ) -> tuple[Path, bool]:
        """Return the entry's directory and whether it was built now.

        Args:
            kind: first part of the entry's name.
            inputs: all that the content depends on.
            builder: makes the content.
            on_wait: called once if another process is building the same entry.
            fresh: build even if the entry is there.
        """
        name = entry_name(kind, inputs)
        with self._lock(name, on_wait):
            self._remove_leftovers(name)
            if not fresh and (found := self.find(name)):
                return found, False
            temporary = Path(tempfile.mkdtemp(prefix=f".tmp-{name}-", dir=self.root))
            try:
                workspace = Workspace(temporary / "out", temporary / "work")
                workspace.out.mkdir()
                workspace.work.mkdir()
                builder(workspace)
                _write_record(workspace.out, kind, inputs)
                self._put(workspace.out, self.path(name), temporary)
            finally:
                self._remove(temporary)
            return self.path(name), True

    def entries(self) -> list[str]:
        """Return the names of all entries, whole or not."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and path.name[0] != ".")

    @contextlib.contextmanager
    def using(self, names: Iterable[str]) -> Iterator[None]:
        """Keep entries from being removed until the block ends, those that are still to be built as well."""
        with contextlib.ExitStack() as held:
            for name in names:
                held.enter_context(self._use(name, fcntl.LOCK_SH))
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self.path(name))
            yield

    def recent(self, name: str) -> bool:
        """Whether a build asked for an entry lately."""
        return self.path(name).stat().st_mtime > time.time() - RECENT

    def remove(self, name: str, *, only_leftovers: bool = False) -> bool:
        """Remove an entry and what killed builds of it left, unless it is being built or used right now."""
        with (
            contextlib.suppress(Timeout, BlockingIOError),
            self._file_lock(name).acquire(timeout=0),
            self._use(name, fcntl.LOCK_EX | fcntl.LOCK_NB),
        ):
            self._remove_leftovers(name)
            if not only_leftovers:
                self._remove(self.path(name))
            return True
        return False

    def condemn(self, name: str) -> None:
        """Make sure that a damaged entry is not used again: the next build replaces it."""
        with self._file_lock(name):
            (self.path(name) / RECORD).unlink(missing_ok=True)

    def leftovers(self) -> list[str]:
        """Return the names of entries of which killed builds left something."""
        found = {path.name.removeprefix(".tmp-").rpartition("-")[0] for path in self.root.glob(".tmp-*")}
        return sorted(found)

    def _file_lock(self, name: str) -> FileLock:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(self.root / f".{name}.lock")

    @contextlib.contextmanager
    def _use(self, name: str, operation: int) -> Iterator[None]:
        """Hold the lock that users of an entry share. A worker has its parent's, however the parent ends."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / f".{name}.use").open("ab") as file:
            fcntl.flock(file, operation)
            yield

    @contextlib.contextmanager
    def _lock(self, name: str, on_wait: Callable[[], None]) -> Iterator[None]:
        lock = self._file_lock(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            try:
                lock.acquire(timeout=LOCK_DEADLINE)
            except Timeout:
                raise HostError(
                    f"another process has been building '{name}' for {LOCK_DEADLINE / 60:.0f} minutes",
                    code="LAB-HOST-202",
                    hint=f"See who holds it: fuser -v {lock.lock_file}",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _remove_leftovers(self, name: str) -> None:
        # Whoever holds the lock is alone with this name: these are of builds that were killed.
        for path in self.root.glob(f".tmp-{name}-*"):
            self._remove(path)

    def _remove(self, path: Path) -> None:
        if path.exists():
            self._remove_tree(path)

    @staticmethod
    def _put(built: Path, final: Path, temporary: Path) -> None:
        for path in [built, *built.rglob("*")]:
            if not path.is_symlink():
                _sync(path)
        if final.exists():
            final.rename(temporary / "replaced")
        built.rename(final)
        _sync(final.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_record(entry: Path, kind: str, inputs: Mapping[str, str]) -> None:
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(entry.rglob("*")):
        name = path.relative_to(entry).as_posix()
        if path.is_symlink():
            files[name] = {"link": str(path.readlink())}
        elif path.is_file():
            status = path.stat()
            files[name] = {
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
                "sha256": digest_file(path),
            }
    record = {
        "schema": SCHEMA,
        "kind": kind,
        "inputs": dict(inputs),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    (entry / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _difference(path: Path, recorded: Mapping[str, Any], *, thorough: bool) -> str:
    """Return what is wrong with a file, or nothing."""
    if "link" in recorded:
        same = path.is_symlink() and str(path.readlink()) == recorded["link"]
        return "" if same else "is not the recorded link"
    status = path.stat(follow_symlinks=False)
    if status.st_size != recorded["size"]:
        return f"has {status.st_size} bytes instead of {recorded['size']}"
    if thorough or status.st_size <= SMALL:
        return "" if digest_file(path) == recorded["sha256"] else "has another SHA-256 than recorded"
    return "" if status.st_mtime_ns == recorded["mtime_ns"] else "was changed after it was built"
