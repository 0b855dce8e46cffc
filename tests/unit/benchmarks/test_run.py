"""The benchmark: what is measured once, and how the table reads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import BUDGETS, render
from benchmarks.lab import CommandFailed, Lab
from benchmarks.run import Benchmark, measure
from lab.config import load_settings
from lab.process import Result

FIGURES = "figure disk_mib 900\nfigure memory_mib 1300\nfact boot abc\n"


class FakeHost:
    """Runs nothing; each program takes ten seconds."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing = ""

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], log: Path, **_: Any) -> Result:
        words = list(argv[3:] if argv[1:3] == ["-m", "lab"] else argv[-2:])
        self.calls.append(f"{env['LAB_NAME']}: {' '.join(words)}"[:40])
        return Result(tuple(argv), 20 if words[0] == self.failing else 0, FIGURES, "", 10.0)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def benchmark_(tmp_path: Path, host: FakeHost) -> Benchmark:
    (tmp_path / "Vagrantfile").touch()
    settings = load_settings(tmp_path, overrides={"name": "b", "edition": "rehearsal"}, environ={})
    runner: Any = host.run
    return Benchmark.of(Lab(settings, lambda line: None, runner))


def test_each_figure_has_a_measurement_or_is_made_of_two(benchmark_: Benchmark) -> None:
    assert set(BUDGETS) - set(benchmark_.measurements()) == {"overhead", "restore-up"}


def test_up_and_vagrant_both_begin_without_a_machine(benchmark_: Benchmark, host: FakeHost) -> None:
    measurements = benchmark_.measurements()
    measurements["vagrant"]()
    assert host.calls == ["b-plain: down --yes", "b-plain: up b-plain", "b-plain: down --yes --purge"]
    host.calls.clear()
    measurements["up"]()
    assert host.calls == ["b: down --yes", "b: up"]


def test_the_memory_is_the_guests(benchmark_: Benchmark) -> None:
    assert benchmark_.measurements()["memory"]() == 1300


def test_a_failure_ends_the_run(benchmark_: Benchmark, host: FakeHost) -> None:
    host.failing = "reset"
    with pytest.raises(CommandFailed):
        benchmark_.measurements()["reset"]()


def test_what_is_on_record_is_not_measured_again(tmp_path: Path) -> None:
    taken: list[str] = []

    def take(name: str) -> float:
        taken.append(name)
        return 1.5

    measurements: dict[str, Callable[[], float]] = {
        name: functools.partial(take, name) for name in ("help", "up")
    }
    path = tmp_path / "record"
    measure({"help": measurements["help"]}, path, "a1", lambda text: None)
    assert measure(measurements, path, "a1", lambda text: None) == {"help": 1.5, "up": 1.5}
    assert taken == ["help", "up"]
    measure(measurements, path, "b2", lambda text: None)
    assert taken == ["help", "up", "help", "up"], "another version is measured anew"


def test_the_table() -> None:
    text = render({"up": 420.0, "vagrant": 410.0, "restore": 50.0, "help": 0.151})
    rows = {line.split("|")[1].strip(): line for line in text.splitlines()[2:]}
    cells = {name: [cell.strip() for cell in row.split("|")[2:5]] for name, row in rows.items()}
    assert cells["`python -m lab --help`"] == ["0.15 s", "0.20 s", "yes"]
    assert cells["`lab up` : plain `vagrant up`"] == ["1.024", "1.050", "yes"]
    assert cells["restore : `lab up`"] == ["0.119", "0.100", "**no**"]
    assert cells["`lab status`"] == ["not measured", "3.0 s", ""]
