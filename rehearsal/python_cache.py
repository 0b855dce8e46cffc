"""Copies program trees, with their Python modules compiled.

A snap and a container layer are read-only: modules that are not compiled beforehand are compiled at every
start, which is slow on an emulated processor.
"""

from __future__ import annotations

import py_compile
import shutil
import sys
from pathlib import Path

from rehearsal.cache import walk_sources

GUEST_TAG = "cpython-311"
"""The compiled form that Debian 12's Python reads."""


def copy_sources(source: Path, target: Path) -> Path:
    """Copy a source tree, without what tools leave behind there, and compile its Python modules."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(walk_sources(source)):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy, follow_symlinks=False)
    # Another version's compiled form would be of no use; the programs work without, only slower.
    if sys.implementation.cache_tag == GUEST_TAG:
        for module in sorted(target.rglob("*.py")):
            # Said explicitly: an environment variable may send compiled modules elsewhere.
            compiled = module.parent / "__pycache__" / f"{module.stem}.{GUEST_TAG}.pyc"
            _compile(module, compiled, target)
    return target


def compile_packages(site: Path) -> None:
    """Keep only the compiled form of packages, and no tests: a third less to import and to unpack."""
    for directory in [path for path in site.rglob("tests") if path.is_dir()]:
        shutil.rmtree(directory)
    for path in (path for pattern in ("*.pyi", "*.pyx", "*.pxd", "*.h") for path in site.rglob(pattern)):
        path.unlink()
    if sys.implementation.cache_tag == GUEST_TAG:
        for module in sorted(site.rglob("*.py")):
            try:
                _compile(module, module.with_suffix(".pyc"), site)
            except py_compile.PyCompileError:  # a template, not a module
                continue
            module.unlink()


def _compile(module: Path, compiled: Path, root: Path) -> None:
    py_compile.compile(
        str(module),
        cfile=str(compiled),
        dfile=str(module.relative_to(root)),
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
