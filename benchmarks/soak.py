"""Cycles of reset and up on one lab: ``python -m benchmarks.soak 10``.

Each cycle takes the lab back by the documented purge path, looks at what is there then, and brings the lab up
again. It is good if each command says so, and if nothing is there that was not there after the first purge.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from benchmarks import record, table
from benchmarks.lab import CommandFailed, Lab
from benchmarks.survey import survey
from lab.errors import LabError
from lab.report.text import duration
from lab.vm.machine import Machine

LEFT_BEHIND = 1
INTERRUPTED = 130
_SHOWN = 20


@dataclass(frozen=True)
class Soak:
    """One series of cycles, kept in a file that outlives an interruption."""

    lab: Lab
    record: Path
    logs: Path

    @classmethod
    def of(cls, lab: Lab) -> Soak:
        """Return the series of a lab, which may have begun already."""
        reports = lab.reports()
        return cls(lab, reports / "soak.ndjson", reports / "soak")

    def forget(self) -> None:
        """Begin a new series; the old record stays beside the new one."""
        if self.record.exists():
            self.record.replace(self.record.with_suffix(".previous.ndjson"))

    def series(self) -> list[dict[str, Any]]:
        """Return the cycles so far; one that failed ends a series, and the next cycle begins another."""
        cycles: list[dict[str, Any]] = []
        for entry in record.read(self.record):
            if cycles and cycles[-1]["outcome"] == "failed":
                cycles = []
            cycles.append(entry)
        return cycles

    def go_on(self, wanted: int) -> int:
        """Carry out what is missing of a series and return the exit code."""
        cycles = self.series()
        if cycles and cycles[-1]["outcome"] == "failed":
            cycles = []
        # A reset needs a machine; one that is half built will do.
        if len(cycles) < wanted and not Machine(self.lab.settings).exists():
            self.lab.run("up", log=self._log(0, "up"))
        while len(cycles) < wanted:
            base = frozenset(cycles[0]["base"]) if cycles else None
            entry = self._cycle(len(cycles) + 1, base)
            record.append(self.record, entry)
            cycles.append(entry)
            if entry["outcome"] == "failed":
                return int(entry["exit_code"])
        return LEFT_BEHIND if any(cycle["outcome"] == "left behind" for cycle in cycles) else 0

    def _cycle(self, number: int, base: frozenset[str] | None) -> dict[str, Any]:
        entry: dict[str, Any] = {"cycle": number, "began": _now()}
        try:
            reset = self.lab.run("reset", "--yes", log=self._log(number, "reset"))
            entry["reset_seconds"] = reset.seconds
            found = survey(self.lab, self._log(number, "survey"))
            left = sorted(found.things - base) if base is not None else []
            entry |= {
                "left": left,
                "disk_mib": found.disk_mib,
                "memory_mib": found.memory_mib,
                "boot": found.boot,
            }
            if base is None:
                entry["base"] = sorted(found.things)
            entry["up_seconds"] = self.lab.run("up", log=self._log(number, "up")).seconds
            status = self.lab.run("status", "--json", log=self._log(number, "status"))
            applications = json.loads(status.stdout)["layers"][-1]["items"]
            entry["applications"] = sum(1 for item in applications if item["ready"])
            entry["outcome"] = "left behind" if left else "ready"
        except CommandFailed as error:
            entry |= {"outcome": "failed", "error": str(error), "exit_code": error.returncode}
        return {**entry, "ended": _now()}

    def _log(self, number: int, command: str) -> Path:
        return self.logs / f"{number:02d}-{command}.log"


def render(cycles: Sequence[Mapping[str, Any]]) -> str:
    """Return the series as a table, and below it what was left behind or went wrong."""
    rows = [
        (
            str(cycle["cycle"]),
            _duration(cycle.get("reset_seconds")),
            _duration(cycle.get("up_seconds")),
            str(cycle.get("disk_mib", "")),
            str(cycle.get("memory_mib", "")),
            str(cycle.get("applications", "")),
            cycle["outcome"],
        )
        for cycle in cycles
    ]
    head = ("cycle", "reset", "up", "disk MiB", "memory MiB", "applications", "ended")
    lines = [table.markdown(head, rows)]
    for cycle in cycles:
        left = cycle.get("left", ())
        lines += [f"cycle {cycle['cycle']} left behind: {thing}" for thing in left[:_SHOWN]]
        if len(left) > _SHOWN:
            lines.append(f"cycle {cycle['cycle']}: and {len(left) - _SHOWN} more, see the record")
        if "error" in cycle:
            lines.append(f"cycle {cycle['cycle']}: {cycle['error']}")
    return "\n".join(lines)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@click.command()
@click.argument("cycles", type=click.IntRange(min=1))
@click.option("--name", default="soak", show_default=True, help="The lab.")
@click.option("--edition", help="Its edition, if it is not there yet.")
@click.option("--anew", is_flag=True, help="Begin a new series, also if the last one is not at its end.")
def main(cycles: int, name: str, edition: str | None, anew: bool) -> None:
    """Reset a lab and bring it up again, CYCLES times; goes on after an interruption.

    Disk and memory are those of the guest after the reset. The exit code is 0 if each cycle ended ready
    with nothing left behind, 1 if something was left, 130 if it was interrupted, else that of the failure.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        soak = Soak.of(Lab.open(name, edition, click.echo))
        if anew:
            soak.forget()
        code = soak.go_on(cycles)
    except LabError as error:
        click.echo(f"{error}\n{error.hint}".rstrip(), err=True)
        sys.exit(error.returncode if isinstance(error, CommandFailed) else error.exit_code)
    except KeyboardInterrupt:
        click.echo("Interrupted; the same command goes on.", err=True)
        code = INTERRUPTED
    click.echo(f"\n{render(soak.series())}\nThe record: {soak.record}; logs: {soak.logs}")
    sys.exit(code)


if __name__ == "__main__":
    main()
