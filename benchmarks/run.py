"""Measures the lab and prints the table of `docs/performance.md`: ``python -m benchmarks.run``."""

from __future__ import annotations

import signal
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click

from benchmarks import record
from benchmarks.figures import render
from benchmarks.host import commit, describe
from benchmarks.lab import UP_SECONDS, CommandFailed, Lab
from benchmarks.survey import survey
from lab.errors import LabError
from lab.vm.environment import vagrant_environment

REPEATS = 5
SNAPSHOT = "benchmark"
SUITE_SECONDS = 7200.0


@dataclass(frozen=True)
class Benchmark:
    """All measurements on one lab, which is made for them.

    Attributes:
        lab: The lab.
        plain: A lab that plain Vagrant makes, to compare with.
        root: The checkout.
        logs: Where what was said is kept.
    """

    lab: Lab
    plain: Lab
    root: Path
    logs: Path

    @classmethod
    def of(cls, lab: Lab) -> Benchmark:
        """Return the measurements of a lab that is not there yet."""
        name = f"{lab.settings.name}-plain"
        plain = replace(lab, settings=lab.settings.model_copy(update={"name": name}))
        return cls(lab, plain, lab.settings.root, lab.reports() / "benchmark")

    def measurements(self) -> dict[str, Callable[[], float]]:
        """Return what is measured, in an order in which each finds what it needs."""
        return {
            "unit": lambda: self._python("pytest", "-q", "tests/unit"),
            "help": lambda: self._median("--help"),
            "vagrant": self._vagrant,
            "up": self._up,
            "again": lambda: self._median("up"),
            "status": lambda: self._median("status"),
            "memory": lambda: float(survey(self.lab, self._log("survey")).memory_mib),
            "acceptance": lambda: self._python("lab.testing"),
            "save": lambda: self._lab("snapshot", "save", SNAPSHOT, "--force"),
            "restore": lambda: self._lab("snapshot", "restore", SNAPSHOT, "--yes"),
            "reset": lambda: self._lab("reset", "--yes"),
        }

    def _up(self) -> float:
        self._lab("down", "--yes")
        return self._lab("up")

    def _vagrant(self) -> float:
        """Let plain Vagrant bring a lab up by the same scripts, and remove it."""
        log = self._log("vagrant")
        self.plain.run("down", "--yes", log=log)
        result = self.lab.runner(
            ["vagrant", "up", self.plain.settings.name],
            timeout=UP_SECONDS,
            cwd=self.root,
            env=vagrant_environment(self.plain.settings),
            on_line=self.lab.say,
            log=log,
        )
        self.plain.run("down", "--yes", "--purge", log=log)
        return result.check(log=log).seconds

    def _lab(self, *arguments: str) -> float:
        return self.lab.run(*arguments, log=self._log(arguments[0].lstrip("-"))).seconds

    def _median(self, *arguments: str) -> float:
        return statistics.median(self._lab(*arguments) for _ in range(REPEATS))

    def _python(self, module: str, *arguments: str) -> float:
        """Run a module of this environment to its end."""
        log = self._log(module)
        result = self.lab.runner(
            [sys.executable, "-m", module, *arguments],
            timeout=SUITE_SECONDS,
            cwd=self.root,
            env={"LAB_NAME": self.lab.settings.name},
            on_line=self.lab.say,
            log=log,
        )
        return result.check(log=log).seconds

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def measure(
    measurements: dict[str, Callable[[], float]], path: Path, version: str, say: Callable[[str], None]
) -> dict[str, float]:
    """Take the measurements that a record lacks, and return all of this version of the sources."""
    found = {entry["name"]: entry["value"] for entry in record.read(path) if entry["commit"] == version}
    for name, take in measurements.items():
        if name not in found:
            say(f"--- {name}")
            found[name] = take()
            record.append(path, {"name": name, "value": round(found[name], 3), "commit": version})
    return found


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@click.command()
@click.option("--name", default="benchmark", show_default=True, help="The lab; it is made anew.")
@click.option("--edition", help="Its edition.")
@click.option("--only", multiple=True, metavar="WHAT", help="Measure only this, on the lab as it is.")
@click.option("--anew", is_flag=True, help="Measure again what is on record for this commit.")
def main(name: str, edition: str | None, only: tuple[str, ...], anew: bool) -> None:
    """Measure the lab and print a table of the figures and their budgets, as Markdown.

    Nothing judges the times. After an interruption the same command goes on: what is on record for this
    commit is not measured again. At the end the lab is left as it is after `reset`.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        lab = Lab.open(name, edition, click.echo)
        path, version = lab.reports() / "benchmark.ndjson", commit(lab.settings.root)
        if anew:
            path.unlink(missing_ok=True)
        measurements = Benchmark.of(lab).measurements()
        if unknown := set(only) - set(measurements):
            raise click.BadParameter(f"no {', '.join(unknown)}; there is {', '.join(measurements)}")
        if only:
            measurements = {key: measurements[key] for key in measurements if key in only}
        found = measure(measurements, path, version, click.echo)
    except LabError as error:
        click.echo(f"{error}\n{error.hint}".rstrip(), err=True)
        sys.exit(error.returncode if isinstance(error, CommandFailed) else error.exit_code)
    except KeyboardInterrupt:
        click.echo("Interrupted; the same command goes on.", err=True)
        sys.exit(130)
    click.echo(f"\n{describe(lab.settings)}\n\n{render(found)}\n\nThe record: {path}")


if __name__ == "__main__":
    main()
