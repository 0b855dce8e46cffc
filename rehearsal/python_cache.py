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
    compile_tree(target, whole=True)
    return target


def compile_tree(tree: Path, *, whole: bool = False) -> None:
    """Compile the Python modules of a tree in place.

    Args:
        tree: the directory.
        whole: whether a module that cannot be compiled is an error; some packages of others have such ones.
    """
    # Another version's compiled form would be of no use; the programs work without, only slower.
    if sys.implementation.cache_tag != GUEST_TAG:
        return
    for module in sorted(tree.rglob("*.py")):
        # Said explicitly: an environment variable may send compiled modules elsewhere.
        compiled = module.parent / "__pycache__" / f"{module.stem}.{GUEST_TAG}.pyc"
        py_compile.compile(
            str(module),
            cfile=str(compiled),
            dfile=str(module.relative_to(tree)),
            doraise=whole,
            quiet=0 if whole else 2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
