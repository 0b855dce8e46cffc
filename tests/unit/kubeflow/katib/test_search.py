"""The search finds what it is to find, and does not depend on what is not in the objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from labkubeflow.katib.search import Assignment, Search, SearchError, Try
from labkubeflow.katib.space import Parameter

from .conftest import Object, number


def listed(name: str, kind: str, *values: str) -> Object:
    return {"name": name, "parameterType": kind, "feasibleSpace": {"list": list(values)}}


MIXED = (
    number("lr", "0.001", "0.1"),
    number("layers", "1", "9", "int", step="2"),
    number("drop", "0", "0.5", step="0.1"),
    listed("batch", "discrete", "16", "32"),
    listed("optimiser", "categorical", "adam", "sgd"),
)


def search(algorithm: str, *parameters: Object, **settings: str) -> Search:
    return Search(algorithm, settings, [Parameter.read(item) for item in parameters], False, "uid")


def trial_by_trial(
    wanted: Search, count: int, objective: Callable[[Assignment], float], parallel: int = 1
) -> list[Try]:
    """Suggest, try and suggest again, each time with a search of its own."""
    tries: list[Try] = []
    while len(tries) < count:
        batch = Search(**vars(wanted)).suggest(tries, min(parallel, count - len(tries)))
        tries += [Try(assignment, objective(assignment)) for assignment in batch]
    return tries


def bowl(assignment: Assignment) -> float:
    return (float(assignment["x"]) - 3) ** 2 + (float(assignment["y"]) + 1) ** 2


def best(tries: Sequence[Try]) -> float:
    return min(item.value for item in tries if item.value is not None)


PLANE = (number("x", "-10", "10"), number("y", "-10", "10"))


@pytest.mark.parametrize("algorithm", ["random", "tpe", "multivariate-tpe"])
def test_what_is_suggested_is_in_the_space(algorithm: str) -> None:
    for assignment in search(algorithm, *MIXED).suggest([], 15):
        assert 0.001 <= float(assignment["lr"]) <= 0.1
        assert assignment["layers"] in ("1", "3", "5", "7", "9")
        assert assignment["drop"] in ("0", "0.1", "0.2", "0.3", "0.4", "0.5")
        assert assignment["batch"] in ("16", "32")
        assert assignment["optimiser"] in ("adam", "sgd")


def test_a_random_search_gets_better_with_more_trials() -> None:
    tries = trial_by_trial(search("random", *PLANE, random_state="2"), 60, bowl, parallel=3)
    assert best(tries) < best(tries[:20]) < best(tries[:3])
    assert len({tuple(item.assignment.values()) for item in tries}) == 60


def test_tpe_learns_from_what_it_was_told() -> None:
    ends = []
    for seed in ("1", "2", "3"):
        wanted = search("tpe", *PLANE, random_state=seed, startup_trials="8")
        tries = trial_by_trial(wanted, 40, bowl)
        early, late = ([item.value or 0 for item in part] for part in (tries[:8], tries[-8:]))
        assert sum(late) < sum(early) / 2
        ends.append(best(tries))
    assert max(ends) < 4


def test_tpe_goes_up_when_more_is_better() -> None:
    wanted = replace(
        search("tpe", number("x", "0", "1"), random_state="5", startup_trials="5"), maximise=True
    )
    tries = trial_by_trial(wanted, 25, lambda assignment: float(assignment["x"]))
    assert min(float(item.assignment["x"]) for item in tries[-5:]) > 0.6


def test_failed_and_running_trials_are_no_hindrance() -> None:
    known = [
        Try({"x": "1.0", "y": "2.0"}, 4.0),
        Try({"x": "5.0", "y": "2.0"}, None),
        Try({"x": "6.0", "y": "2.0"}, None, running=True),
    ]
    assert len(search("tpe", *PLANE, startup_trials="1").suggest(known, 2)) == 2


@pytest.mark.parametrize("algorithm", ["random", "tpe", "grid"])
def test_the_same_objects_give_the_same_suggestions(algorithm: str) -> None:
    parameters = (number("x", "0", "3", "int"), number("y", "0", "1", step="0.1"))
    first = trial_by_trial(search(algorithm, *parameters), 12, bowl)
    assert trial_by_trial(search(algorithm, *parameters), 12, bowl) == first


def test_experiments_differ_unless_they_set_a_random_state() -> None:
    def suggest(salt: str, **settings: str) -> list[Assignment]:
        return replace(search("random", *PLANE, **settings), salt=salt).suggest([], 3)

    assert suggest("one") != suggest("two")
    assert suggest("one", random_state="4") == suggest("two", random_state="4")
    assert suggest("one", random_state="4") != suggest("one", random_state="5")


def test_a_grid_is_tried_once_each_and_comes_to_an_end() -> None:
    wanted = search("grid", number("x", "0.1", "0.3", step="0.1"), listed("kind", "categorical", "a", "b"))
    first = wanted.suggest([], 4)
    assert first == [
        {"x": "0.1", "kind": "a"},
        {"x": "0.1", "kind": "b"},
        {"x": "0.2", "kind": "a"},
        {"x": "0.2", "kind": "b"},
    ]
    rest = wanted.suggest([Try(item, 1.0) for item in first], 4)
    assert rest == [{"x": "0.3", "kind": "a"}, {"x": "0.3", "kind": "b"}]


def test_a_grid_makes_up_for_what_was_dropped() -> None:
    wanted = search("grid", number("x", "1", "3", "int"))
    assert wanted.suggest([Try({"x": "1"}, 1.0), Try({"x": "3"}, 1.0)], 5) == [{"x": "2"}]


@pytest.mark.parametrize(
    ("algorithm", "settings", "most", "word"),
    [
        ("bayesianoptimization", {}, 3, "is not one of random, grid, tpe"),
        ("random", {"sigma": "1"}, 3, 'no setting "sigma"'),
        ("tpe", {"ei_candidates": "0"}, 3, "whole number of at least 1"),
        ("random", {"random_state": "-3"}, 3, "whole number of at least 0"),
        ("grid", {}, 3, "step: must be specified"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    algorithm: str, settings: dict[str, str], most: int, word: str
) -> None:
    with pytest.raises(SearchError, match=word):
        search(algorithm, *PLANE, **settings).check(most)


def test_a_grid_is_refused_that_is_too_small() -> None:
    wanted = search("grid", number("x", "1", "3", "int"))
    wanted.check(3)
    wanted.check(None)
    with pytest.raises(SearchError, match="3 combinations"):
        wanted.check(4)
