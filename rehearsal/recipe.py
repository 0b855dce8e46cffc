"""What can be built, what goes into it, and the tools a recipe has at hand while it is built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from lab.errors import HostError
from lab.process import Result, Runner
from rehearsal.cache import Cache, Workspace, entry_name

SOURCES = Path(__file__).resolve().parent
"""The directory that holds the sources of everything built here."""


@dataclass(frozen=True)
class Recipe:
    """One thing to build.

    Attributes:
        kind: short name, also the first part of the cache entry's name.
        title: what it is, for the progress display.
        inputs: all it depends on, beside the recipes it needs.
        needs: recipes whose results it takes.
        make: builds it.
    """

    kind: str
    title: str
    inputs: Mapping[str, str]
    make: Callable[[Job], None]
    needs: tuple[Recipe, ...] = field(default=())

    @cached_property
    def all_inputs(self) -> dict[str, str]:
        """The inputs, and the names of what it needs: a change anywhere below changes the name up here."""
        return {**self.inputs, **{f"needs {need.kind}": need.name for need in self.needs}}

    @property
    def name(self) -> str:
        """Name of the cache entry."""
        return entry_name(self.kind, self.all_inputs)

    def walk(self) -> Iterator[Recipe]:
        """Yield all recipes that this one stands on, and itself last, each once."""
        seen: set[str] = set()

        def visit(recipe: Recipe) -> Iterator[Recipe]:
            if recipe.name not in seen:
                seen.add(recipe.name)
                for need in recipe.needs:
                    yield from visit(need)
                yield recipe

        yield from visit(self)


@dataclass(frozen=True)
class Job:
    """What a recipe works with while it is built.

    Attributes:
        out: what is left here becomes the entry.
        work: scratch directory, removed afterwards.
        log: where the output of all programs goes.
        runner: runs programs.
        say: tells the user which part is going on.
    """

    out: Path
    work: Path
    log: Path
    runner: Runner
    say: Callable[[str], None]
    needs: Mapping[str, Path]

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        space: Workspace,
        cache: Cache,
        log: Path,
        runner: Runner,
        say: Callable[[str], None],
    ) -> Job:
        """Return the job that builds a recipe in a workspace."""
        needs = {need.kind: cache.path(need.name) for need in recipe.needs}
        return cls(space.out, space.work, log, runner, say, needs)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        hint: str = "",
    ) -> Result:
        """Run a program to its end; its failure ends the build."""
        words = [str(word) for word in argv]
        result = self.runner(words, timeout=timeout, cwd=cwd, env=env, on_line=on_line, log=self.log)
        # What one has to read in an error is the command, not where its scratch directory happens to be.
        shown = tuple(word.replace(f"{self.work.parent}/", "") for word in result.argv)
        return replace(result, argv=shown).check(HostError, code="LAB-HOST-201", hint=hint, log=self.log)


def words(text: str) -> list[str]:
    """Return the words of a command line that needs no quoting."""
    return text.split()


def as_root(argv: Sequence[str | Path]) -> list[str | Path]:
    """Return the command as it must be typed to own other users' files, without being root on this host."""
    if os.geteuid() == 0:
        return list(argv)
    return ["unshare", "--user", "--map-auto", "--map-root-user", "--", *argv]


def remove_tree(runner: Runner) -> Callable[[Path], None]:
    """Return a function that removes a tree, even one with files of an ordinary user's sub-users."""

    def remove(path: Path) -> None:
        try:
            shutil.rmtree(path)
        except PermissionError:
            runner([str(word) for word in as_root(["rm", "-rf", path])], timeout=120).check(
                HostError, code="LAB-HOST-203", hint=f"Remove {path} by hand."
            )

    return remove
