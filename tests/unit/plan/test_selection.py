"""Steps are named as people name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.plan.selection import select
from lab.plan.step import Step

STEPS = [
    Step(name, Path(f"{name}.sh"), "Title", "Why", (), "vm", 60)
    for name in ("10-snapd", "20-microk8s", "65-controller")
]


def names(**words: str) -> list[str]:
    return [step.name for step in select(STEPS, **words).steps]


def test_without_a_word_all_of_them() -> None:
    selection = select(STEPS)
    assert list(selection.steps) == STEPS
    assert selection.to_the_end
    assert selection.tasks == 6


@pytest.mark.parametrize("word", ["20-microk8s", "20", "microk8s"])
def test_by_name_number_or_word(word: str) -> None:
    assert names(start=word) == ["20-microk8s", "65-controller"]
    assert names(only=word) == ["20-microk8s"]
    assert not select(STEPS, only=word).to_the_end
    assert select(STEPS, only=word).tasks == 3


def test_the_last_one_alone_reaches_the_end() -> None:
    assert select(STEPS, only="65").to_the_end


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("kontroller", "Did you mean 'controller'? "),
        ("20-microk8", "Did you mean '20-microk8s'? "),
        ("xyz", ""),
    ],
)
def test_the_nearest_name_is_offered(word: str, guess: str) -> None:
    with pytest.raises(UsageError, match=f"There is no step '{word}'") as caught:
        select(STEPS, start=word)
    assert caught.value.hint == f"{guess}Steps: 10-snapd, 20-microk8s, 65-controller."


def test_not_both() -> None:
    with pytest.raises(UsageError, match="do not go together"):
        select(STEPS, start="10", only="20")
