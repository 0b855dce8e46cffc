"""The command line: `python -m rehearsal [build|path|verify|clean]`."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import platformdirs

from lab.errors import LabError
from lab.process import run
from rehearsal import bundle, host
from rehearsal.cache import Broken, Cache
from rehearsal.progress import Progress, elapsed
from rehearsal.recipe import remove_tree
from rehearsal.workers import Builder, Event, interrupted


@dataclass(frozen=True)
class Places:
    """Where things are kept."""

    root: Path

    @property
    def cache(self) -> Cache:
        """The cache of built things."""
        return Cache(self.root / "build", remove_tree(run))

    @property
    def logs(self) -> Path:
        """The directory with one log for each kind of built thing."""
        return self.root / "logs" / "build"


def _places() -> Places:
    return Places(Path(platformdirs.user_cache_dir("kubeflow-lab")))


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def cli(context: click.Context) -> None:
    """Build what the offline edition "rehearsal" is made of, from Debian's packages and PyPI alone."""
    if context.invoked_subcommand is None:
        context.invoke(build)


@cli.command()
@click.option("--fresh", is_flag=True, help="Build all again, with the packages that Debian has today.")
def build(fresh: bool = False) -> None:
    """Build all that is missing, and print the bundle's directory at the end (the default)."""
    started = time.monotonic()
    places, goal = _places(), bundle.recipe()
    cache = places.cache
    shown: list[Progress] = []

    def tell(event: Event) -> None:
        shown[0].tell(event)

    builder = Builder(cache, places.logs, run, tell, lambda: shown[0].tick())
    with cache.using([recipe.name for recipe in goal.walk()]):
        recipes = list(goal.walk()) if fresh else builder.missing(goal)
        if recipes:
            host.check(places.root)
            shown.append(Progress(recipes))
            signal.signal(signal.SIGTERM, interrupted)
            signal.signal(signal.SIGINT, interrupted)
            try:
                builder.build(recipes, fresh=fresh)
            finally:
                shown[0].close()
        link = bundle.publish(places.root, cache.path(goal.name))
    how = f"built in {elapsed(time.monotonic() - started)}" if recipes else "up to date"
    click.echo(f"bundle {how}: {link} -> {goal.name}")


@cli.command()
def path() -> None:
    """Print the directory of the bundle that is in use."""
    places = _places()
    entry = bundle.published(places.root, places.cache)
    if entry.name != bundle.recipe().name:
        click.echo(f"This bundle is older than its sources. {bundle.BUILD_HINT}", err=True)
    click.echo(entry)


@cli.command()
def verify() -> None:
    """Read all that was built, and compare each file with its recorded SHA-256."""
    cache = _places().cache
    broken = 0
    for name in cache.entries():
        try:
            cache.check(name, thorough=True)
        except Broken as finding:
            broken += 1
            cache.condemn(name)
            click.echo(f"broken  {finding}")
        else:
            click.echo(f"ok      {name}")
    if broken:
        click.echo(f"{broken} damaged, will be replaced. {bundle.BUILD_HINT}", err=True)
        sys.exit(10)


@cli.command()
@click.option(
    "--all", "everything", is_flag=True, help="Also what was used lately, such as for the bundle in use."
)
def clean(everything: bool) -> None:
    """Remove what nobody has used for a day, and what interrupted builds left.

    The bundle in use stays, and so does what a build needs that is at work, in whatever checkout.
    """
    places = _places()
    cache = places.cache
    kept = set() if everything else {recipe.name for recipe in bundle.recipe().walk()}
    link = places.root / "bundles" / bundle.EDITION
    if link.is_symlink():
        kept.add(link.resolve().name)
    for name in sorted({*cache.entries()} - kept):
        done = (everything or not cache.recent(name)) and cache.remove(name)
        click.echo(f"{'removed' if done else 'in use '}  {name}")
    for name in cache.leftovers():
        done = cache.remove(name, only_leftovers=True)
        click.echo(f"{'removed' if done else 'in use '}  what an interrupted build of {name} left")


def main() -> None:
    """Run the command line; errors are told in a few lines, without a traceback."""
    try:
        cli(prog_name="python -m rehearsal")
    except LabError as error:
        click.echo(f"\nerror [{error.code}]: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        if error.log:
            click.echo(f"log: {error.log}", err=True)
        sys.exit(error.exit_code)
