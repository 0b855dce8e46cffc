"""What is read from a trial's log."""

from __future__ import annotations

import pytest
from labkubeflow.katib.metrics import available, objective_value, observe, parse

from .conftest import Object


def metric(log: str, name: str = "loss", *filters: str) -> Object:
    found: Object = observe(parse(log, [name], filters), [name])["metrics"][0]
    return found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss=0.5", "0.5"),
        ("  loss = 0.5", "0.5"),
        ("epoch 3: loss=-1.25e-03, accuracy=0.9", "-1.25e-03"),
        ("{metricName: x} loss=7", "7"),
        ("loss=.5", ".5"),
        ("2024-01-01T10:00:00Z INFO     loss=0.25", "0.25"),
        ("val-loss=3 loss=2", "2"),
        ("loss=+4", "+4"),
    ],
)
def test_a_value(line: str, value: str) -> None:
    assert metric(f"start\n{line}\nend\n")["latest"] == value


@pytest.mark.parametrize("line", ["loss: 0.5", "loss=nan", "loss=", "Loss=1", "val-loss=1", "loss_2=1", ""])
def test_no_value(line: str) -> None:
    assert metric(line) == {
        "name": "loss",
        "min": "unavailable",
        "max": "unavailable",
        "latest": "unavailable",
    }


def test_least_greatest_and_latest() -> None:
    assert metric("loss=3\nloss=1\nloss=10\nloss=2\n") == {
        "name": "loss",
        "min": "1",
        "max": "10",
        "latest": "2",
    }


def test_the_latest_is_so_by_time_where_lines_have_one() -> None:
    log = "2024-01-01T10:00:05.123456789Z loss=5\n2024-01-01T10:00:04Z loss=4\nloss=1\n"
    assert metric(log)["latest"] == "5"


def test_filters_of_an_experiment() -> None:
    log = "{loss, 0.5}\nloss=9\n{loss, 0.25}\n"
    assert metric(log, "loss", r"{(\w+), ([\d.]+)}")["latest"] == "0.25"


def test_values_that_are_no_numbers_have_no_order() -> None:
    found = metric("loss=low\nloss=high\n", "loss", r"(\w+)=(\w+)")
    assert found == {"name": "loss", "min": "unavailable", "max": "unavailable", "latest": "high"}


def test_the_strategy_says_which_value_counts() -> None:
    observation = observe(parse("loss=3\nloss=1\nloss=2", ["loss"]), ["loss"])
    objective: Object = {"type": "minimize", "objectiveMetricName": "loss"}
    for strategy, value in (("min", "1"), ("max", "3"), ("latest", "2")):
        objective["metricStrategies"] = [{"name": "loss", "value": strategy}]
        assert objective_value(observation, objective) == value
    assert objective_value(None, objective) == "unavailable"


def test_only_the_objectives_own_metric_must_be_there() -> None:
    objective = {"objectiveMetricName": "loss", "additionalMetricNames": ["accuracy"]}
    names = ["loss", "accuracy"]
    assert available(observe(parse("loss=1", names), names), objective)
    assert not available(observe(parse("accuracy=1", names), names), objective)
